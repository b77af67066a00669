-- Renew leases; those that were taken over are missing.
SELECT b AS token FROM device_console.beat($1, $2) AS b
