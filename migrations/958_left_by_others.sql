-- Migration 958: what other programs leave behind, cleared whenever commands are taken over from them.
-- Outbox rows of commands that another program has settled: what is parked (too late, or never to be published) waits
-- there for our sweep; when the platform's sweep settles the command first, ours never meets it and nobody took the row away.

CREATE INDEX outbox_parked ON device_console.outbox (tenant_id, command_id) WHERE due_at = 'infinity';

-- Take away at most p_limit of them, keeping on record why each was not sent; return how many.
CREATE FUNCTION device_console.clear_parked(p_limit INTEGER) RETURNS INTEGER
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count INTEGER;
BEGIN
    WITH over AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, c.status, c.expires_at
        FROM device_console.outbox o
        LEFT JOIN public.device_commands c ON c.tenant_id = o.tenant_id AND c.command_id = o.command_id
        WHERE o.due_at = 'infinity' AND c.status IS DISTINCT FROM 'queued'
        ORDER BY o.tenant_id, o.command_id
        LIMIT p_limit
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

-- Call delivered again, at most p_limit, what is answered and was called queued afterwards; return how many. Until now that waited for
-- the deadline, where the platform's sweep may come first and call it missed.
CREATE FUNCTION device_console.heal_answered(p_limit INTEGER) RETURNS INTEGER
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count INTEGER;
BEGIN
    WITH answered AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id FROM public.device_commands c
        WHERE c.status = 'queued' AND c.acked_at IS NOT NULL
        ORDER BY c.tenant_id, c.command_id
        LIMIT p_limit
        FOR UPDATE OF c SKIP LOCKED
    ), healed AS (
        UPDATE public.device_commands c
        SET status = 'delivered', published_at = COALESCE(c.published_at, c.acked_at)
        FROM answered a
        WHERE c.tenant_id = a.tenant_id AND c.command_id = a.command_id AND c.status = 'queued' AND c.acked_at IS NOT NULL
        RETURNING 1
    )
    SELECT count(*) INTO v_count FROM healed;
    RETURN v_count;
END
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.clear_parked, device_console.heal_answered FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.clear_parked, device_console.heal_answered TO %I',
                   current_setting('device_console.worker_role'));
END
$$;
