-- The end of commands that nobody answered, and what other programs leave behind.

-- Settle some overdue commands of one tenant, at most p_most. What another session has locked, or a dispatcher holds, is
-- passed by; an answered one whose status another program wrote back is delivered, whoever holds it.
CREATE OR REPLACE FUNCTION device_console.settle(
    p_rows TID[], p_most INTEGER, p_until TIMESTAMPTZ,
    OUT missed INTEGER, OUT expired INTEGER, OUT healed INTEGER, OUT lateness_s DOUBLE PRECISION
)
LANGUAGE sql
AS $$
    WITH due AS MATERIALIZED (
        SELECT c.ctid AS row_id, c.tenant_id, c.command_id
        FROM public.device_commands c
        WHERE c.ctid = ANY (p_rows) AND c.status = 'queued' AND c.expires_at <= p_until
          AND (c.acked_at IS NOT NULL OR NOT EXISTS (
              SELECT FROM device_console.outbox o
              WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id
                AND o.holder IS NOT NULL AND o.due_at > now()))
          AND NOT EXISTS (SELECT FROM device_console.kept_answers k
                          WHERE k.tenant_id = c.tenant_id AND k.command_id = c.command_id)
        ORDER BY c.expires_at
        LIMIT p_most
        FOR UPDATE OF c SKIP LOCKED
    ), waiting AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id FROM device_console.outbox o
        JOIN due d ON d.tenant_id = o.tenant_id AND d.command_id = o.command_id
        FOR UPDATE OF o SKIP LOCKED
    ), settled AS (
        UPDATE public.device_commands c
        SET status = CASE WHEN c.acked_at IS NOT NULL THEN 'delivered'
                          WHEN c.published_at IS NULL THEN 'expired' ELSE 'missed' END,
            published_at = COALESCE(c.published_at, c.acked_at)
        FROM due d
        WHERE c.ctid = d.row_id AND c.status = 'queued'
          AND (EXISTS (SELECT FROM waiting w WHERE w.tenant_id = d.tenant_id AND w.command_id = d.command_id)
               OR NOT EXISTS (SELECT FROM device_console.outbox o
                              WHERE o.tenant_id = d.tenant_id AND o.command_id = d.command_id))
        RETURNING c.tenant_id, c.command_id, c.status, c.expires_at
    ), dropped AS (
        DELETE FROM device_console.outbox o USING settled s
        WHERE o.tenant_id = s.tenant_id AND o.command_id = s.command_id
        RETURNING o.tenant_id, o.command_id, o.device_id, o.seq, o.attempt, o.outcome, o.blocked_by, o.last_error, s.status,
                  s.expires_at
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
        WHERE d.status <> 'delivered'
    )
    SELECT count(*) FILTER (WHERE s.status = 'missed'), count(*) FILTER (WHERE s.status = 'expired'),
           count(*) FILTER (WHERE s.status = 'delivered'),
           COALESCE(extract(epoch FROM clock_timestamp() - min(s.expires_at) FILTER (
               WHERE s.expires_at > '2000-01-01' AND s.status <> 'delivered')), 0)::double precision
    FROM settled s
$$;

-- The same, whatever a row does to the statement: it is looked for by halves, passed by, and named in a problem.
CREATE OR REPLACE FUNCTION device_console.settle_each(
    p_tenant TEXT, p_rows TID[], p_most INTEGER, p_until TIMESTAMPTZ,
    OUT missed INTEGER, OUT expired INTEGER, OUT healed INTEGER, OUT lateness_s DOUBLE PRECISION
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_half  INTEGER := cardinality(p_rows) / 2;
    v_part  RECORD;
    v_error TEXT;
BEGIN
    BEGIN
        SELECT s.* INTO missed, expired, healed, lateness_s FROM device_console.settle(p_rows, p_most, p_until) s;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF device_console.concerns_all(SQLSTATE) THEN
            RAISE;
        END IF;
        v_error := SQLERRM;
    END;
    SELECT 0, 0, 0, 0 INTO missed, expired, healed, lateness_s;
    IF cardinality(p_rows) <= 1 THEN
        PERFORM device_console.record_problems(
            ARRAY[p_tenant], ARRAY['unroutable'], ARRAY[left(c.device_id, 300)], ARRAY[left(c.command_id, 300)],
            ARRAY['it cannot be settled: ' || left(v_error, 500)])
        FROM public.device_commands c WHERE c.ctid = p_rows[1];
        RETURN;
    END IF;
    FOR v_part IN
        SELECT s.* FROM (VALUES (p_rows[:v_half]), (p_rows[v_half + 1:])) AS h(part)
        CROSS JOIN LATERAL device_console.settle_each(p_tenant, h.part, p_most, p_until) s
    LOOP
        missed := missed + v_part.missed;
        expired := expired + v_part.expired;
        healed := healed + v_part.healed;
        lateness_s := GREATEST(lateness_s, v_part.lateness_s);
    END LOOP;
END
$$;

-- One bounded batch of the expiry rule. What is overdue is walked in the order of the deadlines, and each tenant that is met has
-- a share of the batch: nobody's backlog hides another's rows. Call again with next_cursor; without one the pass is over.
CREATE OR REPLACE FUNCTION device_console.sweep(
    p_cursor TIMESTAMPTZ, p_limit INTEGER,
    OUT missed INTEGER, OUT expired INTEGER, OUT next_cursor TIMESTAMPTZ, OUT lateness_s DOUBLE PRECISION,
    OUT healed INTEGER
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_until   TIMESTAMPTZ := now();
    v_walk    INTEGER := 4 * p_limit;
    v_walked  INTEGER := 0;
    v_share   INTEGER;
    v_last    TIMESTAMPTZ;
    v_tenant  RECORD;
    v_part    RECORD;
    v_from    INTEGER;
    v_slice   INTEGER;
    v_left    INTEGER;
    v_more    BOOLEAN := false;
    v_told    TEXT[] := '{}';
BEGIN
    SELECT 0, 0, 0, 0 INTO missed, expired, healed, lateness_s;
    FOR v_tenant IN
        SELECT g.tenant_id, g.rows, count(*) OVER () AS tenants, sum(cardinality(g.rows)) OVER () AS walked,
               max(g.last) OVER () AS last
        FROM (SELECT w.tenant_id, array_agg(w.row_id ORDER BY w.expires_at) AS rows, max(w.expires_at) AS last
              FROM (SELECT c.ctid AS row_id, c.tenant_id, c.expires_at
                    FROM public.device_commands c
                    WHERE c.status = 'queued' AND c.expires_at <= v_until AND c.expires_at >= p_cursor
                    ORDER BY c.expires_at
                    LIMIT v_walk) w
              GROUP BY w.tenant_id) g
        ORDER BY cardinality(g.rows), g.tenant_id
    LOOP
        v_walked := v_tenant.walked;
        v_last := v_tenant.last;
        -- alone and at the end of the walk there is nobody to be hidden
        v_share := CASE WHEN v_tenant.tenants = 1 AND v_walked < v_walk THEN p_limit ELSE GREATEST(p_limit / 4, 1) END;
        v_left := LEAST(v_share, p_limit - missed - expired - healed);
        v_from := 1;
        WHILE v_left > 0 AND v_from <= cardinality(v_tenant.rows) LOOP
            v_slice := GREATEST(v_left, 500);  -- most of them may be locked
            SELECT s.* INTO v_part
            FROM device_console.settle_each(
                v_tenant.tenant_id, v_tenant.rows[v_from : v_from + v_slice - 1], v_left, v_until) s;
            v_from := v_from + v_slice;
            v_left := v_left - v_part.missed - v_part.expired - v_part.healed;
            missed := missed + v_part.missed;
            expired := expired + v_part.expired;
            healed := healed + v_part.healed;
            lateness_s := GREATEST(lateness_s, v_part.lateness_s);
            IF v_part.missed + v_part.expired + v_part.healed > 0 THEN
                v_told := v_told || v_tenant.tenant_id;
            END IF;
        END LOOP;
        v_more := v_more OR v_left <= 0;
    END LOOP;

    IF v_walked >= v_walk THEN  -- there may be more behind; rows that share one deadline are left to the next pass
        next_cursor := CASE WHEN v_last > p_cursor THEN v_last
                            WHEN isfinite(v_last) THEN v_last + interval '1 microsecond'
                            ELSE timestamptz '4714-11-24 00:00:00+00 BC' END;
    ELSIF v_more THEN
        next_cursor := p_cursor;
    END IF;
    PERFORM device_console.announce(v_told);
END
$$;

-- Seconds until the next queued command is overdue; negative when one is, null when none is queued.
CREATE OR REPLACE FUNCTION device_console.next_deadline() RETURNS DOUBLE PRECISION
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT extract(epoch FROM GREATEST(c.expires_at, timestamptz '1970-01-01') - clock_timestamp())::double precision
    FROM public.device_commands c
    WHERE c.status = 'queued' AND c.expires_at < 'infinity'
    ORDER BY c.expires_at LIMIT 1
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
        device_console.next_deadline, device_console.clear_some, device_console.heal_some,
        device_console.tidy_up FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.sweep, device_console.next_deadline, device_console.tidy_up TO %I', current_setting('device_console.worker_role'));
END
$$;
