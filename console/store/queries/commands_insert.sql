-- Commit drafts as queued, each with its outbox row. Ids that exist already are left alone and not returned.
WITH input AS (
    SELECT i.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[], $7::text[], $8::text[])
        WITH ORDINALITY AS i(command_id, device_id, command_type, params, ttl_s, created_by, retry_of, n)
), added AS (
    INSERT INTO public.device_commands
        (tenant_id, command_id, device_id, command_type, command_params, expires_at, created_by)
    SELECT $1, i.command_id, i.device_id, i.command_type, i.params::jsonb,
           now() + make_interval(secs => i.ttl_s), i.created_by
    FROM input i
    JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id
    JOIN public.tenants t ON t.tenant_id = $1 AND t.status = 'ACTIVE'
    WHERE r.decommissioned_at IS NULL OR r.decommissioned_at > now()
    ORDER BY i.n
    ON CONFLICT (tenant_id, command_id) DO NOTHING
    RETURNING command_id, device_id
), queued AS (
    INSERT INTO device_console.outbox (tenant_id, command_id, device_id)
    SELECT $1, a.command_id, a.device_id FROM added a JOIN input i USING (command_id) ORDER BY i.n
), linked AS (
    INSERT INTO device_console.journal (tenant_id, command_id, kind, by_name, detail)
    SELECT $1, a.command_id, 'retry_of', i.created_by, i.retry_of
    FROM added a JOIN input i USING (command_id) WHERE i.retry_of IS NOT NULL
), told AS (
    SELECT device_console.announce_own() WHERE EXISTS (SELECT FROM added)
)
SELECT a.command_id FROM added a LEFT JOIN told ON true
