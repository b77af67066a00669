-- devices_grouped
-- A tenant's devices parted by one value, with the sums of each group. $2 the devices to part, NULL for all in service;
-- $3 at the last ends of how many to look: those first of which one of the newest ends was not ok.
WITH shown AS MATERIALIZED (
    SELECT r.device_id, COALESCE(/*value*/, '') AS value, lower(s.status) AS link
    FROM public.device_registry r
    LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id/*joins*/
    WHERE r.tenant_id = $1 AND ($2::text[] IS NULL AND /*in_service*/ OR r.device_id = ANY ($2::text[]))
), bad AS (
    SELECT DISTINCT e.device_id FROM device_console.recent_ends e WHERE e.tenant_id = $1
), looked AS (
    SELECT f.device_id FROM shown f LEFT JOIN bad b ON b.device_id = f.device_id
    ORDER BY b.device_id IS NULL, f.device_id
    LIMIT $3
), ended AS (  -- how the newest of a device's last commands ended that has ended
    SELECT l.device_id, n.phase
    FROM looked l
    LEFT JOIN LATERAL (
        SELECT p.phase
        FROM (SELECT w.phase, w.created_at, w.command_id FROM /*command_rows*/ w
              WHERE w.tenant_id = $1 AND w.device_id = l.device_id
              ORDER BY w.created_at DESC, w.command_id DESC LIMIT /*recent*/) p
        WHERE p.phase IN ('ok', 'failed', 'missed', 'expired')
        ORDER BY p.created_at DESC, p.command_id DESC LIMIT 1
    ) n ON true
), flying AS (
    SELECT c.device_id, count(*) AS commands
    FROM public.device_commands c
    WHERE c.tenant_id = $1 AND c.status = 'queued' AND c.acked_at IS NULL
    GROUP BY c.device_id
)
SELECT f.value, array_agg(f.device_id) AS ids, count(*) AS total,
       count(*) FILTER (WHERE f.link = 'online') AS online, count(*) FILTER (WHERE f.link = 'stale') AS stale,
       count(*) FILTER (WHERE f.link = 'offline') AS offline, COALESCE(sum(q.commands), 0)::bigint AS flight,
       count(*) FILTER (WHERE e.phase = 'ok') AS ok, count(*) FILTER (WHERE e.phase = 'failed') AS failed,
       count(*) FILTER (WHERE e.phase = 'missed') AS missed, count(*) FILTER (WHERE e.phase = 'expired') AS expired,
       count(e.device_id) AS looked
FROM shown f
LEFT JOIN ended e ON e.device_id = f.device_id
LEFT JOIN flying q ON q.device_id = f.device_id
GROUP BY f.value
