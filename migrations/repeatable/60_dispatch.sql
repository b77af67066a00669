-- Decided in docs/decisions/0025-tenants-take-turns.md
-- Decided in docs/decisions/0002-definer-functions-for-workers.md
-- What the dispatcher may do. The worker role has no right on any table, so these run with their owner's.

-- Whose turn it is. Each tenant with something due shows a bounded number of rows, those that became due first; of each
-- device the first open command has its turn. What is answered, settled, published or overdue holds up nobody, whoever left
-- its row here, and its row has its turn, too: to be cleared away. put_off_s is set for rows that wait for others of
-- their device, where they would hide the tenant's further rows. Each command is found by its key: where PostgreSQL believes that
-- the table is small, it prefers the partial index of queued commands, by the tenant alone, and reads all of them for each: two
-- seconds for a claim among 10,000. Written with status || '', that index does not fit.
CREATE OR REPLACE FUNCTION device_console.turns(p_limit INTEGER)
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
                  WHERE c.status || '' = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
                    AND c.expires_at > now() + interval '1 second'
                  ORDER BY e.created_at, e.seq LIMIT 2) f) h
    ), judged AS (
        SELECT s.tenant_id, s.command_id, s.seq, s.due_at, s.most, f.seqs,
               COALESCE(s.seq = f.seqs[1], false) OR NOT EXISTS (
                   SELECT FROM public.device_commands c
                   WHERE c.tenant_id = s.tenant_id AND c.command_id = s.command_id
                     AND c.status || '' = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
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
-- Params become text only for what is given out, and for the look at their size. Ids are cast: the columns of others may be
-- varchar, and plpgsql refuses to return one as a text.
CREATE OR REPLACE FUNCTION device_console.lease(
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
                   WHEN NOT device_console.id_is_routable(d.tenant_id) THEN 'tenant id'
                   WHEN NOT device_console.id_is_routable(c.device_id) THEN 'device id'
                   WHEN NOT device_console.id_is_routable(d.command_id) THEN 'command id'
                   WHEN c.expires_at < now() + interval '1 second' THEN 'too late'
                   WHEN jsonb_typeof(c.command_params) IS DISTINCT FROM 'object' THEN 'kind of params'
                   WHEN octet_length(c.command_type) > 4000 THEN 'length of type'
                   WHEN COALESCE(device_console.json_bytes(c.command_params, p_max_bytes), p_max_bytes + 1)
                        > p_max_bytes THEN 'size of params'
                   WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'tenant'
                   WHEN r.decommissioned_at <= now() THEN 'device'
                   WHEN EXISTS (
                       SELECT FROM device_console.batch_members m
                       JOIN device_console.batches b ON b.tenant_id = m.tenant_id AND b.batch_id = m.batch_id
                       WHERE m.tenant_id = d.tenant_id AND m.command_id = d.command_id
                         AND b.stopped_at IS NOT NULL)
                       THEN 'batch'
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
                       THEN 'other program'
                   ELSE 'ready'
               END AS verdict, lower(left(t.status, 100)) AS tenant_status
        FROM due d
        LEFT JOIN public.device_commands c ON c.tenant_id = d.tenant_id AND c.command_id = d.command_id
        LEFT JOIN public.tenants t ON t.tenant_id = d.tenant_id
        LEFT JOIN public.device_registry r ON r.tenant_id = d.tenant_id AND r.device_id = c.device_id
    ), explained AS MATERIALIZED (
        SELECT j.*,
               CASE WHEN j.verdict IN ('tenant', 'device', 'batch', 'other program') THEN j.verdict
                    WHEN j.verdict NOT IN ('ready', 'too late', 'gone') THEN 'content' END AS blocked_by,
               CASE j.verdict
                   WHEN 'tenant' THEN j.tenant_status
                   WHEN 'tenant id' THEN 'the tenant id cannot be routed'
                   WHEN 'device id' THEN 'the device id cannot be routed'
                   WHEN 'command id' THEN 'the command id cannot be routed'
                   WHEN 'kind of params' THEN 'params are not an object'
                   WHEN 'length of type' THEN 'the type is too long'
                   WHEN 'size of params' THEN 'params are too large' END AS words
        FROM judged j
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
                WHEN j.blocked_by = 'other program' THEN LEAST(now() + interval '1 second', j.expires_at)
                WHEN j.blocked_by IN ('tenant', 'device', 'batch') THEN LEAST(now() + interval '5 seconds', j.expires_at)
                ELSE 'infinity' END,
            blocked_by = CASE WHEN j.verdict = 'too late' THEN o.blocked_by ELSE j.blocked_by END,
            last_error = CASE
                WHEN j.verdict = 'too late' OR j.verdict = 'ready' AND o.blocked_by IS NULL THEN o.last_error
                ELSE j.words END
        FROM explained j
        WHERE j.verdict <> 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt
    ), told AS (
        INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
        SELECT j.tenant_id, 'unroutable', device_console.short_id(j.device_id), device_console.short_id(j.command_id),
               max(j.words), count(*)
        FROM explained j
        WHERE j.blocked_by = 'content'
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
        SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
    )
    SELECT j.tenant_id::text, j.command_id::text, j.device_id::text, j.command_type::text, c.command_params::text,
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

-- A command that no statement can handle: it is put off for a minute, and a problem names it.
CREATE OR REPLACE FUNCTION device_console.put_off(p_tenant TEXT, p_command TEXT, p_error TEXT) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE device_console.outbox o
    SET holder = NULL, due_at = now() + interval '1 minute', blocked_by = 'database', last_error = left(p_error, 500)
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
CREATE OR REPLACE FUNCTION device_console.lock_free(p_tenants TEXT[], p_commands TEXT[]) RETURNS TABLE (n INTEGER)
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

-- The broker confirmed: whoever still holds the lease sets published_at. Never writes status.
CREATE OR REPLACE FUNCTION device_console.mark(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_nobody_listens BOOLEAN[]
) RETURNS TABLE (tenant_id TEXT, command_id TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM public.device_commands c
    JOIN unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

    RETURN QUERY
    WITH won AS (
        DELETE FROM device_console.outbox o
        USING unnest(p_tenants, p_commands, p_nobody_listens) AS i(tenant_id, command_id, nobody)
        WHERE o.tenant_id = i.tenant_id AND o.command_id = i.command_id AND o.holder = p_holder
        RETURNING o.tenant_id, o.command_id, o.attempt, i.nobody
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome)
        SELECT w.tenant_id, w.command_id, CASE WHEN w.nobody THEN 'nobody_listens' ELSE 'attempt' END, w.attempt, 'confirmed'
        FROM won w WHERE w.nobody OR w.attempt > 1
    ), marked AS (
        UPDATE public.device_commands c
        SET published_at = CASE WHEN c.acked_at IS NULL THEN clock_timestamp()
                                ELSE LEAST(c.acked_at, clock_timestamp()) END
        FROM won w
        WHERE c.tenant_id = w.tenant_id AND c.command_id = w.command_id
          AND c.status IN ('queued', 'delivered')
          AND (c.published_at IS NULL OR c.published_at = c.acked_at)
        RETURNING c.tenant_id::text, c.command_id::text
    )
    SELECT m.tenant_id, m.command_id FROM marked m;

    PERFORM device_console.announce(p_tenants);
END
$$;

-- Give leases back: refused, unknown or put off. The reason stays on the row. Nothing is waited for: a row that another has
-- locked keeps its lease to the end.
CREATE OR REPLACE FUNCTION device_console.release(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_outcomes TEXT[], p_errors TEXT[],
    p_delays_s DOUBLE PRECISION[]
) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH free AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, i.outcome, i.error, i.delay_s
        FROM unnest(p_tenants, p_commands, p_outcomes, p_errors, p_delays_s)
             AS i(tenant_id, command_id, outcome, error, delay_s)
        JOIN device_console.outbox o ON o.tenant_id = i.tenant_id AND o.command_id = i.command_id
        WHERE o.holder = p_holder
        FOR UPDATE OF o SKIP LOCKED
    ), given_back AS (
        UPDATE device_console.outbox o
        SET holder = NULL, outcome = f.outcome, blocked_by = NULL, last_error = left(f.error, 500),
            due_at = now() + make_interval(secs => LEAST(GREATEST(f.delay_s, 0), 604800))
        FROM free f
        WHERE o.tenant_id = f.tenant_id AND o.command_id = f.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt, o.outcome, o.last_error
    )
    INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome, detail)
    SELECT g.tenant_id, g.command_id, 'attempt', g.attempt, g.outcome, g.last_error
    FROM given_back g
    WHERE g.attempt <= 20;
END
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.turns, device_console.lease, device_console.put_off, device_console.claim,
        device_console.next_due, device_console.lock_free, device_console.mark, device_console.release FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.claim, device_console.next_due, device_console.lock_free, device_console.mark, '
                   'device_console.release TO %I', current_setting('device_console.worker_role'));
END
$$;
