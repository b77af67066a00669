-- What a platform writes when it sees devices, or no longer does. $2 online ids, $3 offline ids.
INSERT INTO public.device_state AS s
    (tenant_id, device_id, site_id, status, last_seen_at, last_heartbeat_at, last_state_change_at)
SELECT r.tenant_id, r.device_id, r.site_id,
       CASE WHEN r.device_id = ANY ($3::text[]) THEN 'OFFLINE' ELSE 'ONLINE' END, now(), now(), now()
FROM public.device_registry r
WHERE r.tenant_id = $1 AND r.device_id = ANY ($2::text[] || $3::text[])
ORDER BY r.device_id
ON CONFLICT (tenant_id, device_id) DO UPDATE
SET status = excluded.status,
    last_seen_at = CASE WHEN excluded.status = 'ONLINE' THEN now() ELSE s.last_seen_at END,
    last_heartbeat_at = CASE WHEN excluded.status = 'ONLINE' THEN now() ELSE s.last_heartbeat_at END,
    last_state_change_at = CASE WHEN s.status = excluded.status THEN s.last_state_change_at ELSE now() END
