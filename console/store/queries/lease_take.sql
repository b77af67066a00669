-- Take a role, or null while somebody else holds it.
SELECT device_console.take_lease($1, $2, $3, $4, $5, $6)
