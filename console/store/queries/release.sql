-- The worker's right is to call this function; its rule stands in the migrations.
SELECT device_console.release($1::uuid, $2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[])
