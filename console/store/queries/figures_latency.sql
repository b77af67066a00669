-- How long answers to a type take, by model; to all types where $2 is null, of one model where $3 is not.
SELECT l.command_type, l.model, l.counts
FROM device_console.type_latency l
WHERE l.tenant_id = $1 AND ($2::text IS NULL OR l.command_type = $2) AND ($3::text IS NULL OR l.model = $3)
ORDER BY l.command_type, l.model
