-- The first ids of a tenant's devices, for the first paint. $2 how many.
SELECT r.device_id
FROM public.device_registry r
LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id/*joins*/
WHERE r.tenant_id = $1/*where*/
ORDER BY /*order*/r.device_id
LIMIT $2
