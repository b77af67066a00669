-- What an operator should see.

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

-- Keep each tenant's problems bounded: the newest p_keep stay. What is being counted at this moment stays, too,
-- so that trimming never waits while it holds rows.
CREATE OR REPLACE FUNCTION device_console.trim_problems(p_keep INTEGER) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH ranked AS MATERIALIZED (
        SELECT p.tenant_id, p.kind, p.device_id, p.command_id,
               row_number() OVER (PARTITION BY p.tenant_id ORDER BY p.last_at DESC) AS place
        FROM device_console.problems p
    ), old AS MATERIALIZED (
        SELECT p.ctid AS row_id
        FROM device_console.problems p
        JOIN ranked r ON p.tenant_id = r.tenant_id AND p.kind = r.kind
                     AND p.device_id = r.device_id AND p.command_id = r.command_id
        WHERE r.place > p_keep
        FOR UPDATE OF p SKIP LOCKED
    ), gone AS (
        DELETE FROM device_console.problems p USING old WHERE p.ctid = old.row_id RETURNING 1
    )
    SELECT count(*)::integer FROM gone
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.record_problems, device_console.trim_problems FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.record_problems, device_console.trim_problems TO %I', current_setting('device_console.worker_role'));
END
$$;
