-- Gives the devices of a tenant ($1) the templates ($3) of their types ($2).
UPDATE public.device_registry r SET template_id = t.template_id
FROM unnest($2::text[], $3::integer[]) AS t(device_type, template_id)
WHERE r.tenant_id = $1 AND r.device_type = t.device_type
