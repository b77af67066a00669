-- The devices that a simulation plays.
SELECT device_id FROM public.device_registry
WHERE tenant_id = $1 AND (decommissioned_at IS NULL OR decommissioned_at > now())
ORDER BY device_id
LIMIT $2
