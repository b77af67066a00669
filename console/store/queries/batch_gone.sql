-- The commands of a batch whose rows were deleted since: their devices had theirs.
SELECT m.command_id
FROM device_console.batch_members m
WHERE m.tenant_id = $1 AND m.batch_id = $2
  AND NOT EXISTS (SELECT FROM public.device_commands c WHERE c.tenant_id = m.tenant_id AND c.command_id = m.command_id)
