-- Types of which no command that reported progress ever got an end, though some were missed. $1 tenant. Looked at are the
-- newest 1,000 words of progress, and whether one of these devices ended a command of the type among its newest 100.
WITH reported AS MATERIALIZED (
    SELECT DISTINCT n.command_id
    FROM (SELECT j.command_id FROM device_console.journal j
          WHERE j.tenant_id = $1 AND j.kind = 'progress'
          ORDER BY j.entry_id DESC LIMIT 1000) n
), kinds AS (
    SELECT c.command_type, count(*) AS commands, array_agg(DISTINCT c.device_id) AS devices,
           (array_agg(c.command_id ORDER BY c.created_at DESC))[1] AS example
    FROM reported r JOIN public.device_commands c ON c.tenant_id = $1 AND c.command_id = r.command_id
    GROUP BY c.command_type
    HAVING count(c.acked_at) = 0 AND count(*) FILTER (WHERE c.status = 'missed') > 0
    ORDER BY commands DESC, c.command_type
    LIMIT 20
)
SELECT k.command_type, k.commands,
       left((SELECT v.progress FROM /*command_rows*/ v
             WHERE v.tenant_id = $1 AND v.command_id = k.example), 400) AS progress
FROM kinds k
WHERE NOT EXISTS (
    SELECT FROM unnest(k.devices[1:20]) AS d(device_id)
    CROSS JOIN LATERAL (
        SELECT c.command_type, c.acked_at FROM public.device_commands c
        WHERE c.tenant_id = $1 AND c.device_id = d.device_id
        ORDER BY c.created_at DESC LIMIT 100) l
    WHERE l.command_type = k.command_type AND l.acked_at IS NOT NULL)
ORDER BY k.commands DESC, k.command_type
