-- What waits for publication in this tenant: how many, the oldest, the next deadline. Counting stops at 10,000.
SELECT count(*) AS depth, min(n.created_at) AS oldest_at, min(n.expires_at) AS next_deadline, clock_timestamp() AS read_at
FROM (SELECT device_console.shown(o.created_at) AS created_at,
             device_console.shown(c.expires_at) AS expires_at
      FROM device_console.outbox o
      JOIN public.device_commands c ON c.tenant_id = o.tenant_id AND c.command_id = o.command_id
      WHERE o.tenant_id = $1 AND o.due_at < 'infinity'
        AND c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL LIMIT 10000) n
