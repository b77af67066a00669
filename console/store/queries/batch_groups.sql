-- The commands of a batch, grouped by how they ended and what the device answered. $2 the batch.
SELECT v.phase, device_console.json_shown(v.ack_details, 1048576) AS answer_json, count(*) AS devices,
       (array_agg(v.device_id ORDER BY v.device_id))[1:3] AS sample
FROM device_console.batch_members m
JOIN /*command_rows*/ v ON v.tenant_id = m.tenant_id AND v.command_id = m.command_id
WHERE m.tenant_id = $1 AND m.batch_id = $2
GROUP BY v.phase, v.ack_details
ORDER BY devices DESC, v.phase
