-- The end of commands that nobody answered, and what other programs leave behind.

-- Settle those of these rows that are overdue. What another session has locked, a dispatcher holds, or an answer is kept for, is passed
-- by; an answered one whose status another program wrote back is delivered, whoever holds it. The columns with || '' are for no index: all
-- rows are found by one list of their places, those of the outbox by the command's id, with which no other index of it begins. Decided in
-- docs/decisions/0061-one-list-of-places.md
CREATE OR REPLACE FUNCTION device_console.settle(
    p_rows TID[], p_until TIMESTAMPTZ,
    OUT missed INTEGER, OUT expired INTEGER, OUT healed INTEGER, OUT lateness_s DOUBLE PRECISION, OUT tenants TEXT[]
)
LANGUAGE plpgsql
AS $$
DECLARE
    v_keeps BOOLEAN := EXISTS (SELECT FROM device_console.kept_answers);
BEGIN
    WITH due AS MATERIALIZED (
        SELECT c.ctid AS row_id, o.place
        FROM public.device_commands c
        LEFT JOIN LATERAL (
            SELECT q.ctid AS place, q.holder, q.leased_until FROM device_console.outbox q
            WHERE q.command_id = c.command_id AND q.tenant_id || '' = c.tenant_id
            OFFSET 0  -- by itself, so that it is asked for by each command and never read as a whole
        ) o ON true
        WHERE c.ctid = ANY (p_rows) AND c.status || '' = 'queued' AND c.expires_at <= p_until
          AND (c.acked_at IS NOT NULL OR o.holder IS NULL OR o.leased_until <= now())
          AND NOT (v_keeps AND EXISTS (SELECT FROM device_console.kept_answers a
                                       WHERE a.tenant_id = c.tenant_id AND a.command_id = c.command_id))
        FOR UPDATE OF c SKIP LOCKED
    ), waiting AS MATERIALIZED (
        SELECT o.ctid AS place FROM device_console.outbox o
        WHERE o.ctid = ANY (ARRAY(SELECT d.place FROM due d WHERE d.place IS NOT NULL))
        FOR UPDATE SKIP LOCKED
    ), settled AS (
        UPDATE public.device_commands c
        SET status = CASE WHEN c.acked_at IS NOT NULL THEN 'delivered'
                          WHEN c.published_at IS NULL THEN 'expired' ELSE 'missed' END,
            published_at = COALESCE(c.published_at, c.acked_at)
        WHERE c.ctid = ANY (ARRAY(SELECT d.row_id FROM due d
                                  WHERE d.place IS NULL OR d.place IN (SELECT w.place FROM waiting w)))
          AND c.status || '' = 'queued'
        RETURNING c.tenant_id::text AS tenant_id, c.command_id::text AS command_id, c.status::text AS status, c.expires_at
    ), unsent AS MATERIALIZED (
        SELECT s.status, s.expires_at, o.*
        FROM settled s
        CROSS JOIN LATERAL (
            SELECT q.ctid AS place, q.tenant_id, q.command_id, q.device_id, q.seq, q.attempt, q.outcome, q.blocked_by, q.last_error
            FROM device_console.outbox q
            WHERE q.command_id = s.command_id AND q.tenant_id || '' = s.tenant_id
            OFFSET 0
        ) o
        WHERE EXISTS (SELECT FROM waiting)  -- usually none of them waits for publication
    ), dropped AS (
        DELETE FROM device_console.outbox o WHERE o.ctid = ANY (ARRAY(SELECT u.place FROM unsent u))
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome, blocked_by, detail)
        SELECT u.tenant_id, u.command_id, 'unsent', u.attempt, u.outcome, COALESCE(u.blocked_by, h.blocked_by),
               COALESCE(u.last_error, h.words)
        FROM unsent u
        LEFT JOIN LATERAL (
            SELECT w.* FROM device_console.held_up(u.tenant_id, u.device_id, u.seq, u.expires_at) w
            WHERE u.outcome IS NULL AND u.blocked_by IS NULL
            OFFSET 0  -- looked up only where nothing is known yet
        ) h ON true
        WHERE u.status <> 'delivered'
    ), ends AS MATERIALIZED (
        SELECT s.tenant_id, s.status, count(*) AS rows, array_agg(s.command_id) AS command_ids,
               min(s.expires_at) FILTER (WHERE s.expires_at > '2000-01-01') AS first
        FROM settled s
        GROUP BY s.tenant_id, s.status
    ), ended AS (
        INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)
        SELECT e.tenant_id, e.status, now(), e.command_ids FROM ends e WHERE e.status <> 'delivered'
    )
    SELECT COALESCE(sum(e.rows) FILTER (WHERE e.status = 'missed'), 0),
           COALESCE(sum(e.rows) FILTER (WHERE e.status = 'expired'), 0),
           COALESCE(sum(e.rows) FILTER (WHERE e.status = 'delivered'), 0),
           COALESCE(extract(epoch FROM clock_timestamp() - min(e.first) FILTER (WHERE e.status <> 'delivered')), 0)::double precision,
           COALESCE(array_agg(DISTINCT e.tenant_id), '{}')
    INTO missed, expired, healed, lateness_s, tenants
    FROM ends e;
END
$$;

-- The same, whatever a row does to the statement: it is looked for by halves, passed by, and named in a problem.
CREATE OR REPLACE FUNCTION device_console.settle_each(
    p_rows TID[], p_until TIMESTAMPTZ,
    OUT missed INTEGER, OUT expired INTEGER, OUT healed INTEGER, OUT lateness_s DOUBLE PRECISION, OUT tenants TEXT[]
)
LANGUAGE plpgsql
AS $$
DECLARE
    v_half  INTEGER := cardinality(p_rows) / 2;
    v_part  RECORD;
    v_error TEXT;
BEGIN
    BEGIN
        SELECT s.* INTO missed, expired, healed, lateness_s, tenants FROM device_console.settle(p_rows, p_until) s;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF device_console.concerns_all(SQLSTATE) THEN
            RAISE;
        END IF;
        v_error := SQLERRM;
    END;
    SELECT 0, 0, 0, 0, '{}' INTO missed, expired, healed, lateness_s, tenants;
    IF cardinality(p_rows) <= 1 THEN
        PERFORM device_console.record_problems(
            ARRAY[c.tenant_id::text], ARRAY['unroutable'], ARRAY[left(c.device_id, 300)], ARRAY[left(c.command_id, 300)],
            ARRAY['it cannot be settled: ' || left(v_error, 500)])
        FROM public.device_commands c WHERE c.ctid = p_rows[1];
        RETURN;
    END IF;
    FOR v_part IN
        SELECT s.* FROM (VALUES (p_rows[:v_half]), (p_rows[v_half + 1:])) AS h(part)
        CROSS JOIN LATERAL device_console.settle_each(h.part, p_until) s
    LOOP
        missed := missed + v_part.missed;
        expired := expired + v_part.expired;
        healed := healed + v_part.healed;
        lateness_s := GREATEST(lateness_s, v_part.lateness_s);
        tenants := tenants || v_part.tenants;
    END LOOP;
END
$$;

-- Decided in docs/decisions/0056-the-sweep-from-both-ends.md
-- One bounded batch of the expiry rule: the p_limit rows that come next, in the order of their deadlines, from p_up on; where another session
-- sweeps at this moment, from p_down back. Before that, what is overdue only since p_since: a backlog hides nobody's row. Call again
-- with what comes back, until is_over; then due_s is the time until the next deadline (null where none is), and is_blocked says that overdue rows
-- were passed by. The settings pin the plans, as for `acknowledge`.
CREATE OR REPLACE FUNCTION device_console.sweep(
    p_up TIMESTAMPTZ, p_down TIMESTAMPTZ, p_since TIMESTAMPTZ, p_limit INTEGER,
    OUT missed INTEGER, OUT expired INTEGER, OUT healed INTEGER, OUT lateness_s DOUBLE PRECISION,
    OUT up TIMESTAMPTZ, OUT down TIMESTAMPTZ, OUT until TIMESTAMPTZ,
    OUT is_over BOOLEAN, OUT due_s DOUBLE PRECISION, OUT is_blocked BOOLEAN
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_is_first CONSTANT BOOLEAN := pg_try_advisory_xact_lock(7266236518331);  -- of those that sweep at this moment
    v_rows  TID[];
    v_fresh TID[];
    v_first TIMESTAMPTZ;
    v_last  TIMESTAMPTZ;
    v_passed_by INTEGER := 0;
    v_told  TEXT[];
BEGIN
    -- nobody waits for the disk: what a crash of the server takes back is overdue still, and is swept again
    PERFORM set_config('synchronous_commit', 'off', true);
    until := now();
    up := p_up;
    down := LEAST(p_down, until);
    IF p_since < until THEN
        SELECT array_agg(w.row_id) INTO v_fresh
        FROM (SELECT c.ctid AS row_id FROM public.device_commands c
              WHERE c.status = 'queued' AND c.expires_at > p_since AND c.expires_at <= until
              ORDER BY c.expires_at LIMIT p_limit / 2) w;
    END IF;
    LOOP
        IF v_is_first THEN
            SELECT array_agg(w.row_id), min(w.expires_at), max(w.expires_at) INTO v_rows, v_first, v_last
            FROM (SELECT c.ctid AS row_id, c.expires_at FROM public.device_commands c
                  WHERE c.status = 'queued' AND c.expires_at >= up AND c.expires_at <= until
                  ORDER BY c.expires_at LIMIT p_limit OFFSET v_passed_by) w;
        ELSE
            SELECT array_agg(w.row_id), max(w.expires_at), min(w.expires_at) INTO v_rows, v_first, v_last
            FROM (SELECT c.ctid AS row_id, c.expires_at FROM public.device_commands c
                  WHERE c.status = 'queued' AND c.expires_at <= down
                  ORDER BY c.expires_at DESC LIMIT p_limit OFFSET v_passed_by) w;
        END IF;
        SELECT s.* INTO missed, expired, healed, lateness_s, v_told
        FROM device_console.settle_each(v_fresh || v_rows, until) s;
        -- where a whole batch of one deadline can't be settled now, those behind it have the same deadline
        EXIT WHEN missed + expired + healed > 0 OR v_first <> v_last OR COALESCE(cardinality(v_rows), 0) < p_limit
               OR v_passed_by >= 100 * p_limit;
        v_passed_by := v_passed_by + p_limit;
        v_fresh := NULL;
    END LOOP;
    is_over := COALESCE(cardinality(v_rows), 0) < p_limit;
    IF v_is_first THEN
        up := CASE WHEN v_last > up THEN v_last
                   WHEN isfinite(v_last) THEN v_last + interval '1 microsecond'
                   ELSE timestamptz '4714-11-24 00:00:00+00 BC' END;
    ELSE
        is_over := is_over OR NOT isfinite(v_last);
        down := CASE WHEN v_last < down THEN v_last ELSE v_last - interval '1 microsecond' END;
    END IF;

    IF is_over THEN
        is_blocked := EXISTS (SELECT FROM public.device_commands c WHERE c.status = 'queued' AND c.expires_at <= until);
        due_s := (SELECT extract(epoch FROM c.expires_at - clock_timestamp())
                  FROM public.device_commands c
                  WHERE c.status = 'queued' AND c.expires_at > until AND c.expires_at < 'infinity'
                  ORDER BY c.expires_at LIMIT 1);
    END IF;
    IF v_told <> '{}' THEN
        PERFORM device_console.announce(v_told);
    END IF;
END
$$;

-- Keep what a later look needs of the ends, and no more: at most p_keep rows, none older than p_age_s.
CREATE OR REPLACE FUNCTION device_console.trim_ended(p_keep INTEGER, p_age_s DOUBLE PRECISION) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH old AS MATERIALIZED (
        SELECT e.event_id FROM device_console.ended_events e
        WHERE e.event_id <= (SELECT k.event_id FROM device_console.ended_events k ORDER BY k.event_id DESC OFFSET p_keep LIMIT 1)
           OR e.ended_at NOT BETWEEN now() - p_age_s * interval '1 second' AND now() + interval '1 hour'
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM device_console.ended_events e USING old WHERE e.event_id = old.event_id RETURNING 1
    )
    SELECT count(*)::integer FROM gone
$$;

-- Take away these outbox rows, keeping on record why each was not sent; return how many.
CREATE OR REPLACE FUNCTION device_console.clear_some(p_tenants TEXT[], p_commands TEXT[]) RETURNS INTEGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count INTEGER;
BEGIN
    WITH over AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, c.status, c.expires_at
        FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
        JOIN device_console.outbox o ON o.tenant_id = i.tenant_id AND o.command_id = i.command_id
        LEFT JOIN public.device_commands c ON c.tenant_id = o.tenant_id AND c.command_id = o.command_id
        WHERE o.due_at = 'infinity' AND c.status IS DISTINCT FROM 'queued'
        ORDER BY o.tenant_id, o.command_id
        FOR UPDATE OF o SKIP LOCKED
    ), dropped AS (
        DELETE FROM device_console.outbox o USING over v
        WHERE o.tenant_id = v.tenant_id AND o.command_id = v.command_id
        RETURNING o.tenant_id, o.command_id, o.device_id, o.seq, o.attempt, o.outcome, o.blocked_by, o.last_error, v.status,
                  v.expires_at
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome, blocked_by, detail)
        SELECT d.tenant_id, d.command_id, 'unsent', d.attempt, d.outcome, COALESCE(d.blocked_by, h.blocked_by),
               COALESCE(d.last_error, h.words)
        FROM dropped d
        LEFT JOIN LATERAL (
            SELECT u.* FROM device_console.held_up(d.tenant_id, d.device_id, d.seq, d.expires_at) u
            WHERE d.outcome IS NULL AND d.blocked_by IS NULL
            OFFSET 0  -- looked up only where nothing is known yet
        ) h ON true
        WHERE d.status = 'expired'
    )
    SELECT count(*) INTO v_count FROM dropped;
    RETURN v_count;
END
$$;

-- Call these commands delivered again, that are answered and were called queued afterwards; return how many.
CREATE OR REPLACE FUNCTION device_console.heal_some(p_tenants TEXT[], p_commands TEXT[]) RETURNS INTEGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count INTEGER;
BEGIN
    WITH answered AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id
        FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
        JOIN public.device_commands c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        -- by its key: the partial index of queued commands knows no command id
        WHERE c.status || '' = 'queued' AND c.acked_at IS NOT NULL
        ORDER BY c.tenant_id, c.command_id
        FOR UPDATE OF c SKIP LOCKED
    ), healed AS (
        UPDATE public.device_commands c
        SET status = 'delivered', published_at = COALESCE(c.published_at, c.acked_at)
        FROM answered a
        WHERE c.tenant_id = a.tenant_id AND c.command_id = a.command_id AND c.status || '' = 'queued' AND c.acked_at IS NOT NULL
        RETURNING 1
    )
    SELECT count(*) INTO v_count FROM healed;
    RETURN v_count;
END
$$;

-- Do both for at most p_limit commands each. What is parked waits in the outbox for our sweep, and when the platform's settles the
-- command first, ours never meets it; an answered command would wait for its deadline, where the platform's sweep may come first and
-- call it missed. What one row does to the statement is its own: the others are gone through one by one, and a problem names it.
CREATE OR REPLACE FUNCTION device_console.tidy_up(p_limit INTEGER, OUT healed INTEGER, OUT cleared INTEGER)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants  TEXT[];
    v_commands TEXT[];
    v_one      INTEGER;
BEGIN
    healed := 0;
    cleared := 0;
    SELECT array_agg(n.tenant_id), array_agg(n.command_id) INTO v_tenants, v_commands
    FROM (SELECT c.tenant_id::text, c.command_id::text FROM public.device_commands c
          WHERE c.status = 'queued' AND c.acked_at IS NOT NULL
          ORDER BY c.tenant_id, c.command_id LIMIT p_limit) n;
    IF v_tenants IS NOT NULL THEN
        BEGIN
            healed := device_console.heal_some(v_tenants, v_commands);
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            FOR v_one IN 1 .. cardinality(v_tenants) LOOP
                BEGIN
                    healed := healed + device_console.heal_some(v_tenants[v_one:v_one], v_commands[v_one:v_one]);
                EXCEPTION WHEN OTHERS THEN
                    IF device_console.concerns_all(SQLSTATE) THEN
                        RAISE;
                    END IF;
                    PERFORM device_console.record_problems(
                        v_tenants[v_one:v_one], ARRAY['unroutable'], ARRAY[''], ARRAY[device_console.short_id(v_commands[v_one])],
                        ARRAY['it is answered and cannot be called delivered: ' || left(SQLERRM, 500)]);
                END;
            END LOOP;
        END;
    END IF;

    SELECT array_agg(n.tenant_id), array_agg(n.command_id) INTO v_tenants, v_commands
    FROM (SELECT o.tenant_id, o.command_id
          FROM device_console.outbox o
          LEFT JOIN public.device_commands c ON c.tenant_id = o.tenant_id AND c.command_id = o.command_id
          WHERE o.due_at = 'infinity' AND c.status IS DISTINCT FROM 'queued'
          ORDER BY o.tenant_id, o.command_id LIMIT p_limit) n;
    IF v_tenants IS NOT NULL THEN
        BEGIN
            cleared := device_console.clear_some(v_tenants, v_commands);
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            FOR v_one IN 1 .. cardinality(v_tenants) LOOP
                BEGIN
                    cleared := cleared + device_console.clear_some(v_tenants[v_one:v_one], v_commands[v_one:v_one]);
                EXCEPTION WHEN OTHERS THEN
                    IF device_console.concerns_all(SQLSTATE) THEN
                        RAISE;
                    END IF;
                    PERFORM device_console.record_problems(
                        v_tenants[v_one:v_one], ARRAY['unroutable'], ARRAY[''], ARRAY[device_console.short_id(v_commands[v_one])],
                        ARRAY['its place in the outbox cannot be cleared: ' || left(SQLERRM, 500)]);
                END;
            END LOOP;
        END;
    END IF;
END
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.settle, device_console.settle_each, device_console.sweep,
        device_console.trim_ended, device_console.clear_some, device_console.heal_some,
        device_console.tidy_up FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.sweep, device_console.trim_ended, device_console.tidy_up TO %I', current_setting('device_console.worker_role'));
END
$$;
