-- The worker's right is to call this function; its rule stands in the migrations.
SELECT device_console.trim_ended($1::integer, $2::double precision)
