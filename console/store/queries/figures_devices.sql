-- How many devices in service the tenant $1 has at the site $2.
SELECT count(*)
FROM public.device_registry r
WHERE r.tenant_id = $1 AND r.site_id = $2 AND (r.decommissioned_at IS NULL OR r.decommissioned_at > now())
