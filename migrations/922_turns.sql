-- Migration 922: tenants take turns at the dispatcher, and what cannot be judged is put off by itself, with its name.
-- Rights and owners of functions that are replaced stay as they are.

-- Ids as a problem names them: short enough for an index entry, whatever they are.
CREATE FUNCTION device_console.short_id(value TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(value, CASE WHEN octet_length(left(value, 256)) > 700 THEN 175 ELSE 256 END);

-- Count problems. What comes on topics of no tenant is one row that names nobody: it belongs to none (''), and
-- every operator may read it, like trouble with the links.
CREATE OR REPLACE FUNCTION device_console.record_problems(
    p_tenants TEXT[], p_kinds TEXT[], p_devices TEXT[], p_commands TEXT[], p_details TEXT[]
) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
    SELECT p.tenant_id, p.kind, p.device_id, p.command_id, left(max(p.detail), 1000), count(*)
    FROM (
        SELECT CASE WHEN ours THEN COALESCE(t.tenant_id, '') ELSE '' END AS tenant_id,
               CASE WHEN ours THEN left(i.kind, 100) ELSE 'unknown tenant' END AS kind,
               CASE WHEN ours THEN device_console.short_id(i.device_id) ELSE '' END AS device_id,
               CASE WHEN ours THEN device_console.short_id(i.command_id) ELSE '' END AS command_id,
               CASE WHEN ours THEN left(i.detail, 1000)
                    ELSE 'answers came on topics of tenants that this database does not have' END AS detail
        FROM unnest(p_tenants, p_kinds, p_devices, p_commands, p_details)
             AS i(tenant_id, kind, device_id, command_id, detail)
        LEFT JOIN public.tenants t ON t.tenant_id = i.tenant_id
        CROSS JOIN LATERAL (
            SELECT t.tenant_id IS NOT NULL AND octet_length(t.tenant_id) <= 1000 OR i.kind = 'link' AS ours) AS o
    ) p
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
    SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
$$;

-- Whose turn it is. Each tenant with something due shows a bounded number of rows, those that became due first; of each
-- device the first open command has its turn. What is answered, settled, published or overdue holds up nobody, whoever left
-- its row here, and its row has its turn, too: to be cleared away. put_off_s is set for rows that wait for others of
-- their device, where they would hide the tenant's further rows.
CREATE FUNCTION device_console.turns(p_limit INTEGER)
RETURNS TABLE (tenant_id TEXT, command_id TEXT, seq BIGINT, place BIGINT, put_off_s INTEGER)
LANGUAGE sql STABLE
AS $$
    WITH RECURSIVE tenants AS (
        (SELECT o.tenant_id FROM device_console.outbox o WHERE o.due_at < 'infinity' ORDER BY o.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT o.tenant_id FROM device_console.outbox o
                WHERE o.due_at < 'infinity' AND o.tenant_id > t.tenant_id ORDER BY o.tenant_id LIMIT 1)
        FROM tenants t WHERE t.tenant_id IS NOT NULL
    ), due AS MATERIALIZED (
        SELECT t.tenant_id, count(*) OVER () AS tenants
        FROM tenants t
        CROSS JOIN LATERAL (
            SELECT o.due_at FROM device_console.outbox o
            WHERE o.tenant_id = t.tenant_id AND o.due_at < 'infinity' ORDER BY o.due_at, o.seq LIMIT 1) f
        WHERE f.due_at <= now()
    ), seen AS MATERIALIZED (
        SELECT d.tenant_id, o.command_id, o.device_id, o.seq, o.due_at,
               GREATEST(16, 8 * p_limit / d.tenants) AS most
        FROM due d
        CROSS JOIN LATERAL (
            SELECT o.command_id, o.device_id, o.seq, o.due_at FROM device_console.outbox o
            WHERE o.tenant_id = d.tenant_id AND o.due_at <= now() AND o.due_at < 'infinity'
            ORDER BY o.due_at, o.seq LIMIT GREATEST(16, 8 * p_limit / d.tenants)) o
    ), first_two AS MATERIALIZED (
        SELECT d.tenant_id, d.device_id, h.seqs
        FROM (SELECT DISTINCT s.tenant_id, s.device_id FROM seen s) d
        CROSS JOIN LATERAL (
            SELECT array_agg(f.seq ORDER BY f.created_at, f.seq) AS seqs
            FROM (SELECT e.seq, e.created_at
                  FROM (SELECT o.command_id, o.seq, o.created_at FROM device_console.outbox o
                        WHERE o.tenant_id = d.tenant_id AND o.device_id = d.device_id AND o.due_at < 'infinity'
                        ORDER BY o.created_at, o.seq LIMIT 200) e
                  JOIN public.device_commands c ON c.tenant_id = d.tenant_id AND c.command_id = e.command_id
                  WHERE c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
                    AND c.expires_at > now() + interval '1 second'
                  ORDER BY e.created_at, e.seq LIMIT 2) f) h
    ), judged AS (
        SELECT s.tenant_id, s.command_id, s.seq, s.due_at, s.most, f.seqs,
               COALESCE(s.seq = f.seqs[1], false) OR NOT EXISTS (
                   SELECT FROM public.device_commands c
                   WHERE c.tenant_id = s.tenant_id AND c.command_id = s.command_id
                     AND c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
                     AND c.expires_at > now() + interval '1 second') AS its_turn
        FROM seen s JOIN first_two f ON f.tenant_id = s.tenant_id AND f.device_id = s.device_id
    )
    SELECT j.tenant_id, j.command_id, j.seq,
           row_number() OVER (PARTITION BY j.tenant_id, j.its_turn ORDER BY j.due_at, j.seq),
           CASE WHEN NOT j.its_turn THEN CASE WHEN j.seq = j.seqs[2] THEN 1 ELSE 120 END END
    FROM (SELECT j.*, count(*) OVER (PARTITION BY j.tenant_id) AS looked_at FROM judged j) j
    WHERE j.its_turn OR j.looked_at >= j.most
$$;

-- Judge what has been locked for its turn, and lease what can be published. Commands that can never be published are parked,
-- blocked ones put off: those of a stopped batch, too, so that the stop does not race the dispatcher for each thousand.
-- Params become text only for what is given out, and for the look at their size.
CREATE FUNCTION device_console.lease(
    p_holder UUID, p_lease INTERVAL, p_max_bytes INTEGER, p_tenants TEXT[], p_commands TEXT[]
) RETURNS TABLE (
    tenant_id TEXT, command_id TEXT, device_id TEXT, command_type TEXT, params TEXT,
    expires_at TIMESTAMPTZ, seconds_left DOUBLE PRECISION, attempt INTEGER
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, o.device_id, i.n
        FROM unnest(p_tenants, p_commands) WITH ORDINALITY AS i(tenant_id, command_id, n)
        JOIN device_console.outbox o ON o.tenant_id = i.tenant_id AND o.command_id = i.command_id
    ), judged AS MATERIALIZED (
        SELECT d.tenant_id, d.command_id, d.n, COALESCE(c.device_id, d.device_id) AS device_id,
               c.command_type, c.expires_at,
               CASE
                   WHEN c.command_id IS NULL OR c.status <> 'queued' OR c.published_at IS NOT NULL
                        OR c.acked_at IS NOT NULL THEN 'gone'
                   WHEN NOT device_console.id_is_routable(d.tenant_id) THEN 'the tenant id cannot be routed'
                   WHEN NOT device_console.id_is_routable(c.device_id) THEN 'the device id cannot be routed'
                   WHEN NOT device_console.id_is_routable(d.command_id) THEN 'the command id cannot be routed'
                   WHEN c.expires_at < now() + interval '1 second' THEN 'too late'
                   WHEN jsonb_typeof(c.command_params) IS DISTINCT FROM 'object' THEN 'params are not an object'
                   WHEN octet_length(c.command_type) > 4000 THEN 'the type is too long'
                   WHEN COALESCE(device_console.json_bytes(c.command_params, p_max_bytes), p_max_bytes + 1)
                        > p_max_bytes THEN 'params are too large'
                   WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'blocked: the tenant is '
                        || COALESCE(lower(left(t.status, 100)), 'gone')
                   WHEN r.decommissioned_at <= now() THEN 'blocked: the device is decommissioned'
                   WHEN EXISTS (
                       SELECT FROM device_console.batch_members m
                       JOIN device_console.batches b ON b.tenant_id = m.tenant_id AND b.batch_id = m.batch_id
                       WHERE m.tenant_id = d.tenant_id AND m.command_id = d.command_id
                         AND b.stopped_at IS NOT NULL)
                       THEN 'blocked: its batch was stopped'
                   WHEN EXISTS (
                       SELECT FROM (
                           SELECT older.command_id FROM public.device_commands older
                           WHERE older.tenant_id = c.tenant_id AND older.device_id = c.device_id
                             AND older.status = 'queued' AND older.published_at IS NULL AND older.acked_at IS NULL
                             AND older.created_at < c.created_at
                             AND older.expires_at > now() + interval '1 second'
                             AND octet_length(older.command_id) <= 1000
                           LIMIT 1000) older
                       WHERE NOT EXISTS (SELECT FROM device_console.outbox o
                                         WHERE o.tenant_id = d.tenant_id AND o.command_id = older.command_id))
                       THEN 'waits'
                   ELSE 'ready'
               END AS verdict
        FROM due d
        LEFT JOIN public.device_commands c ON c.tenant_id = d.tenant_id AND c.command_id = d.command_id
        LEFT JOIN public.tenants t ON t.tenant_id = d.tenant_id
        LEFT JOIN public.device_registry r ON r.tenant_id = d.tenant_id AND r.device_id = c.device_id
    ), gone AS (
        DELETE FROM device_console.outbox o USING judged j
        WHERE j.verdict = 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
    ), moved AS (
        UPDATE device_console.outbox o
        SET holder = CASE WHEN j.verdict = 'ready' THEN p_holder END,
            attempt = LEAST(o.attempt, 999999) + (j.verdict = 'ready')::integer,
            held_back = false,
            due_at = CASE
                WHEN j.verdict = 'ready' THEN now() + p_lease
                WHEN j.verdict = 'waits' THEN LEAST(now() + interval '1 second', j.expires_at)
                WHEN j.verdict LIKE 'blocked: %' THEN LEAST(now() + interval '5 seconds', j.expires_at)
                ELSE 'infinity' END,
            last_error = CASE
                WHEN j.verdict IN ('ready', 'too late') THEN o.last_error
                WHEN j.verdict = 'waits' THEN 'an earlier command of another program is not published yet'
                ELSE j.verdict END
        FROM judged j
        WHERE j.verdict <> 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt
    ), told AS (
        INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
        SELECT j.tenant_id, 'unroutable', device_console.short_id(j.device_id), device_console.short_id(j.command_id),
               max(j.verdict), count(*)
        FROM judged j
        WHERE j.verdict NOT IN ('gone', 'ready', 'waits', 'too late') AND j.verdict NOT LIKE 'blocked: %'
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
        SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
    )
    SELECT j.tenant_id, j.command_id, j.device_id, j.command_type, c.command_params::text,
           LEAST(j.expires_at, timestamptz '9999-12-31 00:00:00+00'),
           CASE WHEN j.expires_at = 'infinity' THEN double precision 'infinity'
                ELSE extract(epoch FROM j.expires_at - clock_timestamp())::double precision END,
           m.attempt
    FROM judged j
    JOIN moved m ON m.tenant_id = j.tenant_id AND m.command_id = j.command_id
    JOIN public.device_commands c ON c.tenant_id = j.tenant_id AND c.command_id = j.command_id
    WHERE j.verdict = 'ready'
    ORDER BY j.n;
END
$$;

-- Whether an error is the server's own, so that it would meet every row alike: it is passed on.
CREATE FUNCTION device_console.concerns_all(p_sqlstate TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(p_sqlstate, 2) IN ('08', '25', '40', '57', '58') OR p_sqlstate IN ('53100', '53300', '53400', '42501');

-- A command that no statement can handle: it is put off for a minute, and a problem names it.
CREATE FUNCTION device_console.put_off(p_tenant TEXT, p_command TEXT, p_error TEXT) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE device_console.outbox o
    SET holder = NULL, due_at = now() + interval '1 minute', last_error = left('it cannot be handled: ' || p_error, 500)
    WHERE o.tenant_id = p_tenant AND o.command_id = p_command;
    PERFORM device_console.record_problems(
        ARRAY[p_tenant], ARRAY['unroutable'], ARRAY[''], ARRAY[p_command], ARRAY['it cannot be handled: ' || left(p_error, 500)]);
END
$$;

-- Lease due commands: tenants in turns, of each tenant what became due first, at most one of a device. A later command
-- never overtakes an earlier live one, nor one that another writer has left unpublished.
CREATE OR REPLACE FUNCTION device_console.claim(
    p_holder UUID, p_limit INTEGER, p_lease INTERVAL, p_max_bytes INTEGER
) RETURNS TABLE (
    tenant_id TEXT, command_id TEXT, device_id TEXT, command_type TEXT, params TEXT,
    expires_at TIMESTAMPTZ, seconds_left DOUBLE PRECISION, attempt INTEGER
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_tenants  TEXT[];
    v_commands TEXT[];
    v_put_off  INTEGER[];
    v_one      INTEGER;
    v_error    TEXT;
BEGIN
    SELECT array_agg(t.tenant_id ORDER BY t.place, t.seq), array_agg(t.command_id ORDER BY t.place, t.seq),
           array_agg(t.put_off_s ORDER BY t.place, t.seq)
    INTO v_tenants, v_commands, v_put_off
    FROM device_console.turns(p_limit) t;
    IF v_tenants IS NULL THEN
        RETURN;
    END IF;

    UPDATE device_console.outbox o
    SET due_at = now() + make_interval(secs => l.put_off_s), held_back = true
    FROM (SELECT o.tenant_id, o.command_id, i.put_off_s
          FROM unnest(v_tenants, v_commands, v_put_off) AS i(tenant_id, command_id, put_off_s)
          JOIN device_console.outbox o ON o.tenant_id = i.tenant_id AND o.command_id = i.command_id
          WHERE i.put_off_s IS NOT NULL AND o.due_at <= now()
          FOR UPDATE OF o SKIP LOCKED) l
    WHERE o.tenant_id = l.tenant_id AND o.command_id = l.command_id;

    SELECT array_agg(l.tenant_id ORDER BY l.n), array_agg(l.command_id ORDER BY l.n)
    INTO v_tenants, v_commands
    FROM (SELECT o.tenant_id, o.command_id, i.n
          FROM unnest(v_tenants, v_commands, v_put_off) WITH ORDINALITY AS i(tenant_id, command_id, put_off_s, n)
          JOIN device_console.outbox o ON o.tenant_id = i.tenant_id AND o.command_id = i.command_id
          WHERE i.put_off_s IS NULL AND o.due_at <= now()
          ORDER BY i.n
          LIMIT p_limit
          FOR UPDATE OF o SKIP LOCKED) l;
    BEGIN
        RETURN QUERY SELECT * FROM device_console.lease(p_holder, p_lease, p_max_bytes, v_tenants, v_commands);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF device_console.concerns_all(SQLSTATE) THEN
            RAISE;
        END IF;
    END;
    -- one of them breaks the statement: each by itself
    FOR v_one IN 1 .. cardinality(v_tenants) LOOP
        BEGIN
            RETURN QUERY SELECT * FROM device_console.lease(
                p_holder, p_lease, p_max_bytes, v_tenants[v_one:v_one], v_commands[v_one:v_one]);
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            v_error := SQLERRM;
            PERFORM device_console.put_off(v_tenants[v_one], v_commands[v_one], v_error);
        END;
    END LOOP;
END
$$;

-- Seconds until the dispatcher has something to do; null when the outbox holds nothing to publish. What waits for an
-- earlier command of its device is not due.
CREATE OR REPLACE FUNCTION device_console.next_due() RETURNS DOUBLE PRECISION
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE tenants AS (
        (SELECT o.tenant_id FROM device_console.outbox o WHERE o.due_at < 'infinity' ORDER BY o.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT o.tenant_id FROM device_console.outbox o
                WHERE o.due_at < 'infinity' AND o.tenant_id > t.tenant_id ORDER BY o.tenant_id LIMIT 1)
        FROM tenants t WHERE t.tenant_id IS NOT NULL
    )
    SELECT CASE WHEN EXISTS (SELECT FROM device_console.turns(1) t WHERE t.put_off_s IS NULL) THEN 0
                ELSE extract(epoch FROM min(n.due_at) - clock_timestamp())::double precision END
    FROM tenants t
    CROSS JOIN LATERAL (SELECT o.due_at FROM device_console.outbox o
                        WHERE o.tenant_id = t.tenant_id AND o.due_at > now() AND o.due_at < 'infinity'
                        ORDER BY o.due_at, o.seq LIMIT 1) n
$$;

-- Which of these commands nobody else has locked, by their place in the list; they are locked now. An open transaction of
-- one tenant's operator then holds up the marks of that tenant only.
CREATE FUNCTION device_console.lock_free(p_tenants TEXT[], p_commands TEXT[]) RETURNS TABLE (n INTEGER)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH input AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.command_id
        FROM unnest(p_tenants, p_commands) WITH ORDINALITY AS i(tenant_id, command_id, n)
    ), commands AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id FROM public.device_commands c
        JOIN (SELECT DISTINCT i.tenant_id, i.command_id FROM input i) i
          ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        ORDER BY c.tenant_id, c.command_id
        FOR UPDATE OF c SKIP LOCKED
    ), waiting AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id FROM device_console.outbox o
        JOIN commands c ON c.tenant_id = o.tenant_id AND c.command_id = o.command_id
        FOR UPDATE OF o SKIP LOCKED
    )
    SELECT i.n::integer FROM input i
    WHERE (EXISTS (SELECT FROM commands c WHERE c.tenant_id = i.tenant_id AND c.command_id = i.command_id)
           OR NOT EXISTS (SELECT FROM public.device_commands c
                          WHERE c.tenant_id = i.tenant_id AND c.command_id = i.command_id))
      AND (EXISTS (SELECT FROM waiting w WHERE w.tenant_id = i.tenant_id AND w.command_id = i.command_id)
           OR NOT EXISTS (SELECT FROM device_console.outbox o
                          WHERE o.tenant_id = i.tenant_id AND o.command_id = i.command_id))
    ORDER BY i.n;
END
$$;

-- Give leases back: refused, unknown or put off. The reason stays on the row. Nothing is waited for: a row that another has
-- locked keeps its lease to the end.
CREATE OR REPLACE FUNCTION device_console.release(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_errors TEXT[], p_delays_s DOUBLE PRECISION[]
) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH free AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, i.error, i.delay_s
        FROM unnest(p_tenants, p_commands, p_errors, p_delays_s) AS i(tenant_id, command_id, error, delay_s)
        JOIN device_console.outbox o ON o.tenant_id = i.tenant_id AND o.command_id = i.command_id
        WHERE o.holder = p_holder
        FOR UPDATE OF o SKIP LOCKED
    ), given_back AS (
        UPDATE device_console.outbox o
        SET holder = NULL, last_error = left(f.error, 500),
            due_at = now() + make_interval(secs => LEAST(GREATEST(f.delay_s, 0), 604800))
        FROM free f
        WHERE o.tenant_id = f.tenant_id AND o.command_id = f.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt, o.last_error
    )
    INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
    SELECT g.tenant_id, g.command_id, 'attempt', format('attempt %s: %s', g.attempt, g.last_error)
    FROM given_back g
    WHERE g.attempt <= 20;
END
$$;

-- Take over what another writer inserted and left unpublished, at the place that its creation gives it: after p_age, or a third
-- of its time to live if that is shorter, but not before 5 s. A command whose ids no index entry holds is named once and left
-- to its deadline. Tenants have shares, and what goes wrong with one is its own.
CREATE OR REPLACE FUNCTION device_console.adopt(p_age INTERVAL, p_limit INTEGER) RETURNS INTEGER
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants TEXT[];
    v_tenant  TEXT;
    v_count   INTEGER;
    v_total   INTEGER := 0;
    v_before  TEXT := current_setting('lock_timeout');
BEGIN
    WITH RECURSIVE tenants AS (
        (SELECT c.tenant_id FROM public.device_commands c WHERE c.status = 'queued' ORDER BY c.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT c.tenant_id FROM public.device_commands c
                WHERE c.status = 'queued' AND c.tenant_id > t.tenant_id ORDER BY c.tenant_id LIMIT 1)
        FROM tenants t WHERE t.tenant_id IS NOT NULL
    )
    SELECT array_agg(t.tenant_id) INTO v_tenants FROM tenants t WHERE octet_length(t.tenant_id) <= 1000;

    PERFORM set_config('lock_timeout', '100ms', true);  -- whoever holds a row of the outbox holds up its own tenant only
    FOREACH v_tenant IN ARRAY COALESCE(v_tenants, '{}') LOOP
        BEGIN
            WITH found AS MATERIALIZED (
                SELECT c.created_at, c.fits,
                       CASE WHEN c.fits THEN c.command_id ELSE device_console.short_id(c.command_id) END AS command_id,
                       CASE WHEN c.fits THEN c.device_id ELSE device_console.short_id(c.device_id) END AS device_id
                FROM (SELECT c.*, octet_length(c.command_id) <= 1000 AND octet_length(c.device_id) <= 1000 AS fits,
                             extract(epoch FROM c.created_at)::double precision AS began,
                             extract(epoch FROM c.expires_at)::double precision AS ends
                      FROM public.device_commands c
                      WHERE c.tenant_id = v_tenant AND c.status = 'queued' AND c.published_at IS NULL
                        AND c.acked_at IS NULL AND c.expires_at > now() + interval '1 second'
                        AND c.created_at < now() - LEAST(p_age, interval '5 seconds')
                        AND NOT EXISTS (SELECT FROM device_console.outbox o
                                        WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id)) c
                WHERE (c.created_at < now() - p_age
                       OR 3 * (extract(epoch FROM now())::double precision - c.began) >= c.ends - c.began)
                  AND (c.fits OR NOT EXISTS (
                      SELECT FROM device_console.problems p
                      WHERE p.tenant_id = v_tenant AND p.kind = 'unroutable'
                        AND p.device_id = device_console.short_id(c.device_id)
                        AND p.command_id = device_console.short_id(c.command_id)))
                ORDER BY c.created_at, c.command_id
                LIMIT GREATEST(20, p_limit / cardinality(v_tenants))
            ), told AS (
                INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)
                SELECT DISTINCT v_tenant, 'unroutable', f.device_id, f.command_id, 'its ids are too long to be published'
                FROM found f WHERE NOT f.fits
                ON CONFLICT DO NOTHING
            ), adopted AS (
                INSERT INTO device_console.outbox (tenant_id, command_id, device_id, created_at)
                SELECT v_tenant, f.command_id, f.device_id, GREATEST(f.created_at, '2000-01-01')
                FROM found f WHERE f.fits
                ON CONFLICT DO NOTHING
                RETURNING tenant_id, command_id
            ), noted AS (
                INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
                SELECT a.tenant_id, a.command_id, 'adopted', 'another writer had left it unpublished' FROM adopted a
            )
            SELECT count(*) INTO v_count FROM adopted;
            v_total := v_total + v_count;
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            PERFORM device_console.record_problems(
                ARRAY[v_tenant], ARRAY['unroutable'], ARRAY[''], ARRAY[''],
                ARRAY['commands of other programs cannot be taken over: ' || left(SQLERRM, 500)]);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', v_before, true);
    RETURN v_total;
END
$$;

DO $$
DECLARE
    worker_role TEXT := current_setting('device_console.worker_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.short_id, device_console.turns, device_console.lease,
                           device_console.concerns_all, device_console.put_off, device_console.lock_free FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.lock_free TO %I', worker_role);
END
$$;
