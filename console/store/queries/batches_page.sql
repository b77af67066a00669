-- The newest batches of a tenant, or one of them. $2 a batch or null, $3 how many;
-- $4 and $5 the key of the last row of the page before, or nulls.
SELECT b.batch_id, b.command_type, device_console.json_shown(b.params, 1048576) AS params_json, b.ttl_s, b.target, b.wanted, b.retry_of,
       b.created_by, b.created_at, b.stopped_at, b.stopped_by, clock_timestamp() AS read_at
FROM device_console.batches b
WHERE b.tenant_id = $1 AND ($2::text IS NULL OR b.batch_id = $2)
  AND ($4::timestamptz IS NULL OR (b.created_at, b.batch_id) < ($4, $5::text))/*where*/
ORDER BY b.created_at DESC, b.batch_id DESC
LIMIT $3
