-- As `acknowledge`, for the holder of a lease, and with how long to wait for locks: a transaction in one statement.
SELECT n, outcome
FROM device_console.acknowledge_fenced($1::bigint, $2::text, $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean)
