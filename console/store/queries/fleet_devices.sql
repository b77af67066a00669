-- Devices of a tenant that a simulated fleet stands in for. $2 at most so many.
SELECT r.device_id, r.site_id AS site FROM public.device_registry r
WHERE r.tenant_id = $1 AND r.status = 'ACTIVE'
  AND (r.decommissioned_at IS NULL OR r.decommissioned_at > now())
  AND device_console.id_is_routable(r.device_id)
ORDER BY r.device_id
LIMIT $2
