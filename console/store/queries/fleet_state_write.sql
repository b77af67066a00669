-- One batch of sightings. $1 tenants, $2 devices, $3 links, $4 seconds of silence. Never moves last_seen_at back.
WITH seen AS (
    SELECT i.tenant_id, i.device_id, i.link, now() - make_interval(secs => i.silent_s) AS seen_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[])
        AS i(tenant_id, device_id, link, silent_s)
), written AS (
    INSERT INTO public.device_state AS s
        (tenant_id, device_id, site_id, status, last_heartbeat_at, last_seen_at, last_state_change_at)
    SELECT r.tenant_id, r.device_id, r.site_id, seen.link, seen.seen_at, seen.seen_at, now()
    FROM seen JOIN public.device_registry r USING (tenant_id, device_id)
    ORDER BY r.tenant_id, r.device_id
    ON CONFLICT (tenant_id, device_id) DO UPDATE
    SET status = EXCLUDED.status,
        last_heartbeat_at = GREATEST(s.last_heartbeat_at, EXCLUDED.last_heartbeat_at),
        last_seen_at = GREATEST(s.last_seen_at, EXCLUDED.last_seen_at),
        last_state_change_at = CASE WHEN s.status = EXCLUDED.status THEN s.last_state_change_at ELSE now() END
    WHERE s.status <> EXCLUDED.status OR s.last_seen_at IS NULL OR s.last_seen_at < EXCLUDED.last_seen_at
    RETURNING 1
)
SELECT count(*) FROM written
