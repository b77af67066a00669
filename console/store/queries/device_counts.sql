-- How many devices a tenant has, by link.
SELECT count(*) AS total,
       count(*) FILTER (WHERE upper(s.status) = 'ONLINE') AS online,
       count(*) FILTER (WHERE upper(s.status) = 'STALE') AS stale,
       count(*) FILTER (WHERE upper(s.status) = 'OFFLINE') AS offline
FROM public.device_registry r
LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
WHERE r.tenant_id = $1
