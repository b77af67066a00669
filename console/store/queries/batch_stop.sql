-- Let nothing more of a batch be committed. $3 who.
UPDATE device_console.batches SET stopped_at = now(), stopped_by = $3
WHERE tenant_id = $1 AND batch_id = $2 AND stopped_at IS NULL
RETURNING batch_id
