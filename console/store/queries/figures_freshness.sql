-- How new the figures of a tenant are, and whether a live worker counts. $1 tenant, $2 the role that counts.
SELECT clock_timestamp() AS read_at, device_console.unfolded_s() AS waiting_s,
       (SELECT f.folded_at FROM device_console.folds f WHERE f.tenant_id = $1) AS folded_at,
       EXISTS (SELECT FROM device_console.lease_holders() h WHERE h.role = $2 AND NOT h.is_stale) AS has_worker
