-- The worker's right is to call this function; its rule stands in the migrations.
SELECT published, locked FROM device_console.mark($1::uuid, $2::text[], $3::text[], $4::boolean[])
