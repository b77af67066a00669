-- The hours of a tenant from $2 to before $3 by kind ($4) and name, oldest first.
SELECT h.hour, h.kind, h.name, h.ended
FROM device_console.hour_groups h
WHERE h.tenant_id = $1 AND h.hour >= $2 AND h.hour < $3 AND h.kind = ANY ($4::text[])
ORDER BY h.hour, h.kind, h.name
