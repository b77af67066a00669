-- Tags of demo devices. $1 tenant.
INSERT INTO public.device_tags (tenant_id, device_id, tag)
SELECT $1, i.device_id, i.tag FROM unnest($2::text[], $3::text[]) AS i(device_id, tag)
