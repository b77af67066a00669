-- Migration 945: kept answers are taken in one transaction with their commands' locks, and none that comes later
-- overtakes them.

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

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.fence_answers, device_console.has_kept, device_console.lock_commands
        FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.fence_answers, device_console.has_kept, '
                   'device_console.lock_commands TO %I', current_setting('device_console.worker_role'));
END
$$;
