-- The worker's right is to call this function; its rule stands in the migrations.
SELECT device_console.record_problems($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
