-- The worker's right is to call this function; its rule stands in the migrations.
SELECT * FROM device_console.claim($1::uuid, $2::integer, make_interval(secs => $3::double precision), $4::integer, $5::integer, $6::text)
