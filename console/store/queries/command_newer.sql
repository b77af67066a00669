-- The next command of a device: $2 the device, $3 and $4 the key of the one before.
SELECT c.command_id
FROM public.device_commands c
WHERE c.tenant_id = $1 AND c.device_id = $2 AND (c.created_at, c.command_id) > ($3::timestamptz, $4::text)
ORDER BY c.created_at, c.command_id
LIMIT 1
