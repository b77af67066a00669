-- The tenant this session belongs to, if it exists.
SELECT tenant_id, name, status FROM public.tenants WHERE tenant_id = $1
