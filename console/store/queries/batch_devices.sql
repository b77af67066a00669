-- The devices of a batch whose command is in one of the phases $3 and, unless $4 is empty, that answered so. `later`: see command_rows.
SELECT v.device_id, v.command_id, left(v.later, 400) AS later
FROM device_console.batch_members m
JOIN /*command_rows*/ v ON v.tenant_id = m.tenant_id AND v.command_id = m.command_id
WHERE m.tenant_id = $1 AND m.batch_id = $2 AND v.phase = ANY ($3::text[])
  AND ($4::text[] = '{}' OR v.ack_details = ANY ($4::text[]::jsonb[]))
ORDER BY v.device_id
