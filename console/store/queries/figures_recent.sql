-- The newest ends of a tenant that were not ok, from $2 to before $4, at most $3.
SELECT r.at, r.command_id, r.device_id, r.outcome, r.site, r.model, r.fw, r.command_type, r.sender, r.batch_id, r.reason
FROM device_console.recent_ends r
WHERE r.tenant_id = $1 AND r.at >= $2 AND r.at < $4
ORDER BY r.at DESC, r.command_id
LIMIT $3
