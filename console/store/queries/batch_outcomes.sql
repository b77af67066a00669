-- How the commands of some batches stand: a row for each batch and phase. $2 the batches.
SELECT m.batch_id, v.phase, count(*) AS commands
FROM device_console.batch_members m
JOIN /*command_rows*/ v ON v.tenant_id = m.tenant_id AND v.command_id = m.command_id
WHERE m.tenant_id = $1 AND m.batch_id = ANY ($2::text[])
GROUP BY m.batch_id, v.phase
