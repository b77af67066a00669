-- Problems of a tenant and of the links, newest first.
SELECT tenant_id, kind, device_id, command_id, detail, count, first_at, last_at
FROM device_console.problems
WHERE (tenant_id = $1 OR (tenant_id = '' AND kind = 'link'))
  AND NOT EXISTS (
      SELECT FROM unnest($2::text[]) AS word
      WHERE position(word IN lower(concat_ws(' ', kind, device_id, command_id, detail))) = 0)
ORDER BY last_at DESC, kind, device_id, command_id
LIMIT $3
