-- The worker's right is to call this function; its rule stands in the migrations.
SELECT device_console.trim_figures($1::interval, $2::interval, $3, $4)
