-- Record a batch and whom it is for before its first command. A second time changes nothing.
WITH begun AS (
    INSERT INTO device_console.batches
        (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, retry_of, created_by)
    VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9)
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, batch_id
)
INSERT INTO device_console.batch_targets (tenant_id, batch_id, device_ids, retried)
SELECT b.tenant_id, b.batch_id, $10::text[], $11::text[] FROM begun b
