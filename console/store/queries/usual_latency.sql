-- How long this device took lately to answer this type. $1 tenant, $2 device, $3 type. At most 500 rows are looked at.
SELECT count(*) AS answers,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY n.acked_at - n.published_at) AS p95
FROM (
    SELECT l.acked_at, l.published_at
    FROM (SELECT c.command_type, c.acked_at, c.published_at
          FROM public.device_commands c
          WHERE c.tenant_id = $1 AND c.device_id = $2
          ORDER BY c.created_at DESC LIMIT 500) l
    WHERE l.command_type = $3 AND l.acked_at > l.published_at
      AND isfinite(l.acked_at) AND isfinite(l.published_at)
    LIMIT 50
) n
