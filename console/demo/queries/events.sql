-- What ended, as the workers would have left it to be counted: a row a minute and outcome. $1 tenant. A cancelled command is no event.
INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)
SELECT e.tenant_id, e.outcome, min(e.ended_at), array_agg(e.command_id ORDER BY e.ended_at)
FROM (
    SELECT c.tenant_id, c.command_id,
           CASE WHEN c.status <> 'delivered' THEN c.status WHEN c.acked_at > c.expires_at THEN 'late' ELSE 'acked' END AS outcome,
           COALESCE(c.acked_at, c.expires_at) AS ended_at
    FROM public.device_commands c
    WHERE c.tenant_id = $1 AND c.status IN ('delivered', 'missed', 'expired')
      AND NOT EXISTS (SELECT FROM device_console.journal j
                      WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled')
) e
WHERE e.ended_at <= now()
GROUP BY e.tenant_id, e.outcome, date_trunc('minute', e.ended_at)
