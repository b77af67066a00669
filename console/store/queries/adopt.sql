-- The worker's right is to call this function; its rule stands in the migrations.
SELECT device_console.adopt(make_interval(secs => $1::double precision), $2::integer)
