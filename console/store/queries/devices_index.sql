-- The ids of a tenant's devices in order: what a list of any length needs to know of all of them. $2 the digest of
-- the list that the caller has: when nothing has changed, a hundred thousand ids need not travel and be read.
SELECT CASE WHEN d.digest IS DISTINCT FROM $2::bigint THEN d.ids END AS ids, d.digest
FROM (SELECT a.ids, hash_array_extended(a.ids, 0) AS digest
      FROM (SELECT COALESCE(array_agg(q.device_id), '{}') AS ids
            FROM (SELECT r.device_id
                  FROM public.device_registry r
                  LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id/*joins*/
                  WHERE r.tenant_id = $1/*where*/
                  ORDER BY /*order*/r.device_id) q) a
      OFFSET 0) d
