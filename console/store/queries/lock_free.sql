-- The worker's right is to call this function; its rule stands in the migrations.
SELECT n FROM device_console.lock_free($1::text[], $2::text[])
