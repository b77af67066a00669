-- Record a batch before its first command. A second time changes nothing.
INSERT INTO device_console.batches
    (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, retry_of, created_by)
VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
