-- Decided in docs/decisions/0063-a-send-is-one-call.md
-- What an operator sends, one command or some: judged and committed in one call.

-- Commit these drafts as queued, each with its outbox row, its link to what it repeats and its row in the audit log, or nothing where one of
-- the devices can take none. A row for each draft, in their order: what stands for and against its device, and whether it was written now. An id
-- that exists already is left alone. It runs with the rights of its caller, an operator, in the tenant of the transaction; its plans are pinned to the
-- way from a key to its row, so that they are made once and cost the same on tables that have grown.
CREATE OR REPLACE FUNCTION device_console.insert_commands(
    p_tenant TEXT, p_commands TEXT[], p_devices TEXT[], p_types TEXT[], p_params TEXT[], p_ttls_s DOUBLE PRECISION[],
    p_by TEXT[], p_retry_of TEXT[], p_audit BOOLEAN
) RETURNS TABLE (
    registered BOOLEAN, registry_status TEXT, decommissioned BOOLEAN, link TEXT, tenant_status TEXT, written BOOLEAN, audited BOOLEAN
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET enable_incremental_sort = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT i.*, r.device_id IS NOT NULL AS registered, r.status::text AS registry_status,
               COALESCE(r.decommissioned_at <= now(), false) AS decommissioned, lower(s.status)::text AS link, t.status::text AS tenant_status
        FROM unnest(p_commands, p_devices, p_types, p_params, p_ttls_s, p_by, p_retry_of)
             WITH ORDINALITY AS i(command_id, device_id, command_type, params, ttl_s, created_by, retry_of, n)
        LEFT JOIN public.tenants t ON t.tenant_id = p_tenant
        LEFT JOIN LATERAL (
            SELECT r.device_id, r.status, r.decommissioned_at FROM public.device_registry r
            WHERE r.tenant_id = p_tenant AND r.device_id >= i.device_id AND r.device_id <= i.device_id
            ORDER BY r.device_id LIMIT 1) r ON true
        LEFT JOIN LATERAL (
            SELECT s.status FROM public.device_state s
            WHERE s.tenant_id = p_tenant AND s.device_id >= i.device_id AND s.device_id <= i.device_id
            ORDER BY s.device_id LIMIT 1) s ON true
    ), added AS (
        INSERT INTO public.device_commands
            (tenant_id, command_id, device_id, command_type, command_params, expires_at, created_by)
        SELECT p_tenant, j.command_id, j.device_id, j.command_type, j.params::jsonb,
               now() + make_interval(secs => j.ttl_s), j.created_by
        FROM judged j
        WHERE NOT EXISTS (SELECT FROM judged o
                          WHERE NOT o.registered OR o.decommissioned OR o.tenant_status IS DISTINCT FROM 'ACTIVE')
        ORDER BY j.n
        ON CONFLICT (tenant_id, command_id) DO NOTHING
        RETURNING command_id
    ), queued AS (
        INSERT INTO device_console.outbox (tenant_id, command_id, device_id)
        SELECT p_tenant, a.command_id, j.device_id FROM added a JOIN judged j ON j.command_id = a.command_id ORDER BY j.n
    ), linked AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, by_name, detail)
        SELECT p_tenant, a.command_id, 'retry_of', j.created_by, j.retry_of
        FROM added a JOIN judged j ON j.command_id = a.command_id WHERE j.retry_of IS NOT NULL
    ), told AS (
        SELECT device_console.announce_own() WHERE EXISTS (SELECT FROM added)
    )
    SELECT j.registered, j.registry_status, j.decommissioned, j.link, j.tenant_status,
           j.command_id IN (SELECT a.command_id FROM added a), p_audit AND to_regclass('public.audit_log') IS NOT NULL
    FROM judged j LEFT JOIN told ON true
    ORDER BY j.n;
    IF p_audit THEN
        PERFORM device_console.audit_commands(p_commands, false);  -- of what this transaction has queued, and nothing else
    END IF;
END
$$;

-- The same from outside: as the operator role and in the tenant, until the transaction ends. One call is one round trip and one transaction,
-- where BEGIN, the role, the statement and COMMIT are four. Whoever calls it may do no more than with SET ROLE.
CREATE OR REPLACE FUNCTION device_console.send(
    p_role TEXT, p_tenant TEXT, p_lock_wait TEXT, p_commands TEXT[], p_devices TEXT[], p_types TEXT[], p_params TEXT[],
    p_ttls_s DOUBLE PRECISION[], p_by TEXT[], p_retry_of TEXT[], p_audit BOOLEAN
) RETURNS TABLE (
    registered BOOLEAN, registry_status TEXT, decommissioned BOOLEAN, link TEXT, tenant_status TEXT, written BOOLEAN, audited BOOLEAN
)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_catalog.set_config('role', p_role, true), pg_catalog.set_config('app.tenant_id', p_tenant, true),
            pg_catalog.set_config('lock_timeout', p_lock_wait, true);
    RETURN QUERY SELECT * FROM device_console.insert_commands(
        p_tenant, p_commands, p_devices, p_types, p_params, p_ttls_s, p_by, p_retry_of, p_audit);
END
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.insert_commands, device_console.send FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.insert_commands, device_console.send TO %I', operator_role);
    END IF;
END
$$;
