-- The worker's right is to call this function; its rule stands in the migrations.
SELECT n FROM device_console.keep_locked($1::text[], $2::text[], $3::text[], $4::text[])
