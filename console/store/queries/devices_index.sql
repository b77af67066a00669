-- The ids of a tenant's devices in order: what a list of any length needs to know of all of them.
SELECT array_agg(q.device_id) AS ids
FROM (SELECT r.device_id
      FROM public.device_registry r
      LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
      WHERE r.tenant_id = $1/*where*/
      ORDER BY /*order*/r.device_id) q
