-- Problems of a tenant and of the links and of no tenant, newest first. $1 tenant, $2 how many;
-- $3 to $6 the key of the last row of the page before, or nulls.
SELECT p.tenant_id, p.kind, p.device_id, p.command_id, p.detail, p.count, p.first_at, p.last_at
FROM device_console.problems p
WHERE (p.tenant_id = $1 OR (p.tenant_id = '' AND p.kind IN ('link', 'unknown tenant')))
  AND ($3::timestamptz IS NULL OR (p.last_at, p.kind, p.device_id, p.command_id) < ($3, $4::text, $5::text, $6::text))/*where*/
ORDER BY p.last_at DESC, p.kind DESC, p.device_id DESC, p.command_id DESC
LIMIT $2
