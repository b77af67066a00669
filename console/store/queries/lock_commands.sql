-- Lock commands in primary-key order.
SELECT device_console.lock_commands($1, $2)
