-- How many of a tenant's devices there are: the number of a saved view, without the ids.
SELECT count(*)
FROM public.device_registry r
LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id/*joins*/
WHERE r.tenant_id = $1/*where*/
