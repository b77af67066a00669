-- How many commands of all tenants wait for publication, and for how many seconds the oldest.
SELECT commands, oldest_s FROM device_console.waiting()
