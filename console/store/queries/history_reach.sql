-- Where a search has to rest: the key of the last of $2 rows. $1 tenant; the rest follows from who asks.
SELECT v.created_at, v.command_id
FROM public.device_commands v
WHERE v.tenant_id = $1/*where*/
ORDER BY v.created_at DESC, v.command_id DESC
OFFSET $2 LIMIT 1
