-- One demo tenant with its registry, state, tags and groups. $1 tenant, $2 name, $3 number of devices.
WITH tenant AS (
    INSERT INTO public.tenants (tenant_id, name) VALUES ($1, $2) RETURNING tenant_id
), numbered AS (
    SELECT n, abs(hashtext(n::text || 'demo')) AS h FROM generate_series(1, $3::integer) n
), devices AS (
    SELECT n, h,
           (ARRAY['pump', 'pump', 'valve', 'meter', 'meter', 'meter', 'gateway'])[1 + h % 7]
               || '-' || lpad(n::text, 4, '0') AS device_id,
           (ARRAY['lyon', 'porto', 'gdansk', 'turku', 'leeds'])[1 + (h / 7) % 5] AS site_id,
           (ARRAY['PX-200', 'PX-210', 'VX-40', 'MT-3', 'MT-3', 'MT-3', 'GW-1'])[1 + h % 7] AS model,
           (ARRAY['1.4.1', '1.4.2', '1.4.2', '2.0.0', '2.1.0'])[1 + (h / 35) % 5] AS fw_version
    FROM numbered
), registry AS (
    INSERT INTO public.device_registry
        (tenant_id, device_id, site_id, status, model, manufacturer, fw_version, device_type, decommissioned_at)
    SELECT t.tenant_id, d.device_id, d.site_id, CASE WHEN d.n = 60 THEN 'INACTIVE' ELSE 'ACTIVE' END, d.model, 'Demo Works',
           d.fw_version, split_part(d.device_id, '-', 1), CASE WHEN d.n IN (99, 199) THEN now() - interval '20 days' END
    FROM devices d CROSS JOIN tenant t
), state AS (
    INSERT INTO public.device_state (tenant_id, device_id, site_id, status, last_seen_at, last_heartbeat_at)
    SELECT t.tenant_id, d.device_id, d.site_id,
           CASE WHEN d.n IN (99, 199) OR d.h % 29 = 0 THEN 'OFFLINE' WHEN d.h % 23 = 0 THEN 'STALE' ELSE 'ONLINE' END,
           now() - CASE WHEN d.n IN (99, 199) THEN interval '20 days' WHEN d.h % 29 = 0 THEN interval '5 hours' * (1 + d.h % 7)
                        WHEN d.h % 23 = 0 THEN interval '1 minute' * (2 + d.h % 9) ELSE interval '1 second' * (d.h % 30) END,
           now() - interval '1 minute'
    FROM devices d CROSS JOIN tenant t
), tags AS (
    INSERT INTO public.device_tags (tenant_id, device_id, tag)
    SELECT t.tenant_id, d.device_id, tag FROM devices d CROSS JOIN tenant t
    CROSS JOIN LATERAL unnest(ARRAY[CASE WHEN d.h % 3 = 0 THEN 'critical' END, CASE WHEN d.h % 5 = 0 THEN 'indoor' END,
                                    CASE WHEN d.n % 10 = 0 THEN 'canary' END]) AS tag
    WHERE tag IS NOT NULL
), groups AS (
    INSERT INTO public.device_groups (tenant_id, group_id, name)
    SELECT t.tenant_id, g.id, g.name FROM tenant t
    CROSS JOIN (VALUES ('canary', 'Canary devices'), ('north', 'Northern sites'), ('pumps', 'All pumps')) AS g(id, name)
)
INSERT INTO public.device_group_members (tenant_id, group_id, device_id)
SELECT t.tenant_id, g.id, d.device_id FROM devices d CROSS JOIN tenant t
JOIN (VALUES ('canary'), ('north'), ('pumps')) AS g(id)
  ON (g.id = 'canary' AND d.n % 10 = 0) OR (g.id = 'north' AND d.site_id IN ('gdansk', 'turku'))
  OR (g.id = 'pumps' AND d.device_id LIKE 'pump-%')
