-- Whether the command that already has this id says the same.
SELECT c.device_id = $3 AND c.command_type = $4 AND c.command_params = $5::text::jsonb
       AND abs(extract(epoch FROM (c.expires_at - c.created_at)) - $6::double precision) < 0.001 AS same
FROM public.device_commands c
WHERE c.tenant_id = $1 AND c.command_id = $2
