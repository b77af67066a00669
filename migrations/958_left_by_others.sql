-- Migration 958: what other programs leave behind, cleared whenever commands are taken over from them.
-- Outbox rows of commands that another program has settled: what is parked (too late, or never to be published) waits
-- there for our sweep; when the platform's sweep settles the command first, ours never meets it and nobody took the row away.

CREATE INDEX outbox_parked ON device_console.outbox (tenant_id, command_id) WHERE due_at = 'infinity';

-- Take away these outbox rows, keeping on record why each was not sent; return how many.
CREATE FUNCTION device_console.clear_some(p_tenants TEXT[], p_commands TEXT[]) RETURNS INTEGER
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
        RETURNING o.tenant_id, o.command_id, o.device_id, o.seq, o.attempt, o.last_error, v.status, v.expires_at
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT d.tenant_id, d.command_id, 'unsent', format('after %s attempts: %s', d.attempt, COALESCE(
            d.last_error, device_console.held_up(d.tenant_id, d.device_id, d.seq, d.expires_at), 'its turn never came'))
        FROM dropped d WHERE d.status = 'expired'
    )
    SELECT count(*) INTO v_count FROM dropped;
    RETURN v_count;
END
$$;

-- Call these commands delivered again, that are answered and were called queued afterwards; return how many.
CREATE FUNCTION device_console.heal_some(p_tenants TEXT[], p_commands TEXT[]) RETURNS INTEGER
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

-- Do both for at most p_limit commands each. Until now an answered command waited for its deadline, where the platform's sweep may come
-- first and call it missed. What one row does to the statement is its own: the others are gone through one by one, and a problem
-- names it.
CREATE FUNCTION device_console.tidy_up(p_limit INTEGER, OUT healed INTEGER, OUT cleared INTEGER)
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
    REVOKE ALL ON FUNCTION device_console.clear_some, device_console.heal_some, device_console.tidy_up FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.tidy_up TO %I', current_setting('device_console.worker_role'));
END
$$;
