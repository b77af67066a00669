-- Registers so many devices with their states, where they are missing. $1 tenant, $2 how many.
WITH made AS (
    INSERT INTO public.device_registry
        (tenant_id, device_id, device_type, site_id, model, manufacturer, fw_version)
    SELECT $1, format('meter-%s', lpad(n::text, 6, '0')), 'meter',
           (ARRAY['lyon', 'porto', 'gdansk', 'turku'])[1 + n % 4], 'AquaSense M2', 'AquaSense',
           (ARRAY['2.4.1', '2.4.3', '1.9.8'])[1 + n % 3]
    FROM generate_series(1, $2::integer) AS n
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, device_id, site_id
)
INSERT INTO public.device_state (tenant_id, device_id, site_id, status, last_heartbeat_at, last_seen_at)
SELECT tenant_id, device_id, site_id, 'ONLINE', now(), now() FROM made
ON CONFLICT DO NOTHING
