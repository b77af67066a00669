(
    -- Decided in docs/decisions/0050-no-view-on-others-tables.md
    -- One reading of a command for every statement: the row, our journal and the outbox together. It stands in each
    -- statement instead of in a view, which would forbid the table's owner to change the type of a column. What is
    -- looked up stands in subqueries, so that a statement looks up only what it asks for, and only for rows it returns.
    SELECT c.tenant_id, c.command_id, c.device_id, c.command_type, c.status,
           c.created_at, c.expires_at, c.created_by, c.published_at, c.acked_at,
           device_console.ack_word(c.ack_details) AS ack_status, c.command_params, c.ack_details,
           CASE WHEN c.status IN ('expired', 'delivered') OR c.acked_at IS NOT NULL THEN (
               SELECT j.at FROM device_console.journal j
               WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled'
               ORDER BY j.entry_id LIMIT 1) END AS cancelled_at,
           CASE WHEN c.status IN ('expired', 'delivered') OR c.acked_at IS NOT NULL THEN (
               SELECT j.by_name FROM device_console.journal j
               WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled'
               ORDER BY j.entry_id LIMIT 1) END AS cancelled_by,
           -- a publication without any entry was the first attempt; whoever made it
           GREATEST(
               (c.published_at IS NOT NULL)::integer,
               CASE WHEN c.status = 'queued' THEN (
                   SELECT o.attempt FROM device_console.outbox o
                   WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id) END,
               (SELECT max(j.attempt) FROM device_console.journal j
                WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id)) AS attempts,
           CASE WHEN c.status = 'queued' THEN (
               SELECT o.last_error FROM device_console.outbox o
               WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id) END AS last_error,
           CASE WHEN c.status = 'queued' THEN (
               SELECT o.outcome FROM device_console.outbox o
               WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id) END AS outcome,
           CASE WHEN c.status = 'queued' THEN (
               SELECT o.blocked_by FROM device_console.outbox o
               WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id) END AS blocked_by,
           CASE
               WHEN c.status = 'delivered' OR c.acked_at IS NOT NULL AND c.status IN ('queued', 'missed', 'expired')
                   THEN CASE WHEN COALESCE(device_console.ack_word(c.ack_details), 'ok')
                                  IN ('ok', 'success', 'succeeded', 'done', 'completed') THEN 'ok' ELSE 'failed' END
               WHEN c.status = 'queued' AND c.published_at IS NULL THEN 'waiting'
               WHEN c.status = 'queued' AND EXISTS (
                   SELECT FROM device_console.journal j
                   WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'progress')
                   THEN 'in progress'
               WHEN c.status = 'queued' THEN 'published'
               WHEN c.status = 'expired' AND EXISTS (
                   SELECT FROM device_console.journal j
                   WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled')
                   THEN 'cancelled'
               WHEN c.status IN ('missed', 'expired') THEN c.status
               ELSE 'unknown'
           END AS phase,
           CASE WHEN c.status <> 'delivered' THEN (
               SELECT COALESCE(j.detail, '') FROM device_console.journal j
               WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'progress'
               ORDER BY j.entry_id DESC LIMIT 1) END AS progress,
           CASE WHEN c.status <> 'queued' OR c.acked_at IS NOT NULL OR c.expires_at < now() THEN (
               SELECT j.detail FROM device_console.journal j
               WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind IN ('conflict', 'late_ack')
               ORDER BY j.entry_id DESC LIMIT 1) END AS later,
           c.status = 'queued' AND EXISTS (
               SELECT FROM device_console.outbox o
               WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id) AS in_outbox
    FROM public.device_commands c
)
