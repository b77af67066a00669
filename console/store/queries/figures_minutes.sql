-- The minutes of a tenant from $2 to before $3, oldest first; minutes without anything have no row.
SELECT m.minute, m.sent, m.ended, m.answered
FROM device_console.minute_totals m
WHERE m.tenant_id = $1 AND m.minute >= $2 AND m.minute < $3
ORDER BY m.minute
