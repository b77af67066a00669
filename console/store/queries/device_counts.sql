-- How many devices a tenant has in service, by link, and how many are decommissioned.
SELECT count(*) FILTER (WHERE d.in_service) AS total,
       count(*) FILTER (WHERE d.in_service AND upper(d.link) = 'ONLINE') AS online,
       count(*) FILTER (WHERE d.in_service AND upper(d.link) = 'STALE') AS stale,
       count(*) FILTER (WHERE d.in_service AND upper(d.link) = 'OFFLINE') AS offline,
       count(*) FILTER (WHERE NOT d.in_service) AS decommissioned
FROM (SELECT s.status AS link, r.decommissioned_at IS NULL OR r.decommissioned_at > now() AS in_service
      FROM public.device_registry r
      LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
      WHERE r.tenant_id = $1) d
