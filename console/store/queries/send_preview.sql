-- Whom a send of type $3 to the devices $2 would reach.
WITH wanted AS (
    SELECT i.device_id, r.device_id IS NOT NULL AND (r.decommissioned_at IS NULL OR r.decommissioned_at > now())
           AND device_console.id_is_routable(i.device_id) AS allowed,
           COALESCE(r.model::text, '') AS model,
           CASE WHEN lower(s.status) IN ('online', 'stale', 'offline') THEN lower(s.status) ELSE 'unknown' END AS link
    FROM unnest($2::text[]) AS i(device_id)
    LEFT JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id
    LEFT JOIN public.device_state s ON s.tenant_id = $1 AND s.device_id = i.device_id
), open AS (
    SELECT c.device_id, c.command_type, c.created_by, c.created_at
    FROM public.device_commands c
    WHERE c.tenant_id = $1 AND c.status = 'queued' AND c.acked_at IS NULL AND c.device_id = ANY ($2::text[])
), newest AS (
    SELECT device_id, command_type, created_by, created_at FROM open
    ORDER BY command_type = $3 DESC, created_at DESC LIMIT 1
), answered AS (
    SELECT c.acked_at, c.acked_at - COALESCE(LEAST(c.published_at, c.acked_at), c.created_at) AS took
    FROM public.device_commands c
    WHERE isfinite(c.created_at) AND isfinite(c.published_at) IS NOT FALSE AND isfinite(c.acked_at) IS NOT FALSE
      AND cardinality($2::text[]) = 1 AND c.tenant_id = $1 AND c.device_id = ($2::text[])[1]
    ORDER BY c.created_at DESC LIMIT 20
), bad AS (  -- of the newest 5,000 ends of the tenant that were not ok
    SELECT r.outcome, r.device_id, r.at
    FROM device_console.recent_ends r
    JOIN wanted w ON w.device_id = r.device_id
    WHERE r.tenant_id = $1 AND r.at > now() - interval '1 hour' AND r.command_type = $3
)
SELECT count(*) AS total, count(*) FILTER (WHERE NOT w.allowed) AS forbidden,
       count(*) FILTER (WHERE w.allowed AND w.link = 'online') AS online,
       count(*) FILTER (WHERE w.allowed AND w.link = 'stale') AS stale,
       count(*) FILTER (WHERE w.allowed AND w.link = 'offline') AS offline,
       count(*) FILTER (WHERE w.allowed AND w.link = 'unknown') AS unknown,
       (SELECT count(*) FROM open) AS in_flight,
       (SELECT count(DISTINCT device_id) FROM open WHERE command_type = $3) AS same_in_flight,
       (SELECT device_id FROM newest) AS newest_device, (SELECT command_type FROM newest) AS newest_type,
       (SELECT created_by FROM newest) AS newest_by,
       (SELECT device_console.shown(created_at) FROM newest) AS newest_at,
       (SELECT device_console.shown(max(acked_at)) FROM answered) AS last_acked_at,
       (SELECT took FROM answered WHERE acked_at IS NOT NULL ORDER BY acked_at DESC LIMIT 1) AS last_took,
       (SELECT count(DISTINCT device_id) FROM bad WHERE outcome = 'failed') AS failed,
       (SELECT count(DISTINCT device_id) FROM bad WHERE outcome = 'missed') AS missed,
       (SELECT count(DISTINCT device_id) FROM bad WHERE outcome = 'expired') AS expired,
       (SELECT min(at) FROM bad) AS bad_since,
       ARRAY(SELECT DISTINCT left(model, 256) FROM wanted LIMIT 100) AS models,
       clock_timestamp() AS read_at
FROM wanted w
