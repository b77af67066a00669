-- A row for each answer that is not plainly 'acked'. The worker's right is to call this function; its rule stands in the migrations.
SELECT n, outcome FROM device_console.acknowledge($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean)
