-- What stands against sending to these devices, and how reachable they look.
SELECT i.device_id, r.device_id IS NOT NULL AS registered, r.status AS registry_status,
       r.decommissioned_at <= now() AS decommissioned, lower(s.status) AS link,
       device_console.shown(/*seen*/) AS last_seen_at,
       (SELECT count(*) FROM public.device_commands c
        WHERE c.tenant_id = $1 AND c.device_id = i.device_id AND c.status = 'queued'
          AND c.acked_at IS NULL) AS in_flight,
       (SELECT t.status FROM public.tenants t WHERE t.tenant_id = $1) AS tenant_status
FROM unnest($2::text[]) WITH ORDINALITY AS i(device_id, n)
LEFT JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id
LEFT JOIN public.device_state s ON s.tenant_id = $1 AND s.device_id = i.device_id
ORDER BY i.n
