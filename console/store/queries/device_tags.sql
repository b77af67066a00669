-- Tags of the devices on screen; only asked where the table exists.
SELECT device_id, array_agg(tag ORDER BY tag) AS tags
FROM public.device_tags
WHERE tenant_id = $1 AND device_id = ANY ($2::text[])
GROUP BY device_id
