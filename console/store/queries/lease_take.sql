-- Take a role: no token while somebody else holds it.
SELECT token, was_silent FROM device_console.take_lease($1, $2, $3, $4, $5, $6, $7, $8)
