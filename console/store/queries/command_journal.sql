-- What the console itself recorded about one command, oldest first.
SELECT at, kind, by_name, detail, attempt, outcome, blocked_by
FROM device_console.journal
WHERE tenant_id = $1 AND command_id = $2
ORDER BY entry_id
LIMIT 200
