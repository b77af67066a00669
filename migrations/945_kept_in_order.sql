-- Migration 945: kept answers are taken in one transaction with their commands' locks, and none that comes later
-- overtakes them. And the identity of a database can be read where nothing can be written.

-- The first statement of each batch of answers: as `fence`, and whether any answer is kept at this moment.
CREATE FUNCTION device_console.fence_answers(p_token BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_token IS NOT NULL THEN
        PERFORM device_console.fence(p_token);
    END IF;
    RETURN EXISTS (SELECT FROM device_console.kept_answers);
END
$$;

-- Whether answers to one of these commands are kept: a later one has to wait behind them.
CREATE FUNCTION device_console.has_kept(p_tenants TEXT[], p_commands TEXT[]) RETURNS BOOLEAN
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM device_console.kept_answers k
        JOIN unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
          ON k.tenant_id = i.tenant_id AND k.command_id = i.command_id)
$$;

-- Lock the commands of a whole batch in primary-key order, where more than one statement of it takes them.
CREATE FUNCTION device_console.lock_commands(p_tenants TEXT[], p_commands TEXT[]) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM public.device_commands c
    JOIN (SELECT DISTINCT i.tenant_id, i.command_id
          FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)) i
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;
END
$$;

-- As before, without writing where there is nothing to write: a server may be read-only at this moment.
CREATE OR REPLACE FUNCTION device_console.is_original(p_accept BOOLEAN) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_here  TEXT := device_console.database_identity();
    v_known TEXT := (SELECT d.identity FROM device_console.deployment d);
BEGIN
    IF v_known = v_here OR current_setting('transaction_read_only') = 'on' THEN
        RETURN COALESCE(v_known = v_here, true);
    END IF;
    UPDATE device_console.deployment d SET identity = v_here WHERE d.identity IS NULL OR p_accept;
    RETURN (SELECT d.identity = v_here FROM device_console.deployment d);
END
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.fence_answers, device_console.has_kept, device_console.lock_commands
        FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.fence_answers, device_console.has_kept, '
                   'device_console.lock_commands TO %I', current_setting('device_console.worker_role'));
END
$$;
