-- Problems of a tenant and of the links and of no tenant, newest first. $1 tenant, $2 how many.
SELECT p.tenant_id, p.kind, p.device_id, p.command_id, p.detail, p.count, p.first_at, p.last_at
FROM device_console.problems p
WHERE (p.tenant_id = $1 OR (p.tenant_id = '' AND p.kind IN ('link', 'unknown tenant')))/*where*/
ORDER BY p.last_at DESC, p.kind, p.device_id, p.command_id
LIMIT $2
