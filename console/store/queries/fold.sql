-- The worker's right is to call this function; its rule stands in the migrations.
SELECT folded, is_over, answered FROM device_console.fold($1)
