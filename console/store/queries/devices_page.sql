-- The devices on screen in full. $2 their ids.
SELECT r.tenant_id, r.device_id, lower(s.status) AS link, r.site_id, r.model AS own_model, /*facts*/,
       r.status AS registry_status, device_console.shown(r.decommissioned_at) AS decommissioned_at,
       COALESCE(r.decommissioned_at <= now(), false) AS decommissioned,
       /*seen*/ AS last_seen_at,
       (SELECT count(*) FROM public.device_commands q
        WHERE q.tenant_id = r.tenant_id AND q.device_id = r.device_id AND q.status = 'queued'
          AND q.acked_at IS NULL) AS in_flight,
       ARRAY(SELECT p.phase
             FROM (SELECT w.phase, w.created_at, w.command_id FROM /*command_rows*/ w
                   WHERE w.tenant_id = r.tenant_id AND w.device_id = r.device_id
                   ORDER BY w.created_at DESC, w.command_id DESC LIMIT /*recent*/) p
             ORDER BY p.created_at, p.command_id) AS recent,
       v.command_id, v.command_type, v.status, device_console.shown(v.created_at) AS created_at,
       device_console.shown(v.expires_at) AS expires_at, v.created_by,
       device_console.shown(v.published_at) AS published_at, device_console.shown(v.acked_at) AS acked_at,
       v.ack_status, v.cancelled_at, left(v.progress, 400) AS progress, left(v.later, 400) AS later
FROM unnest($2::text[]) AS i(device_id)
JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id/*template*/
LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
LEFT JOIN LATERAL (
    SELECT w.* FROM /*command_rows*/ w
    WHERE w.tenant_id = r.tenant_id AND w.device_id = r.device_id
    ORDER BY w.created_at DESC, w.command_id DESC LIMIT 1
) v ON true
