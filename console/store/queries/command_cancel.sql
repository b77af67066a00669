-- Cancel one unpublished command. The row is locked before the outbox, as every writer does; whoever deletes
-- the outbox row wins against the dispatcher.
WITH target AS MATERIALIZED (
    SELECT c.tenant_id, c.command_id FROM public.device_commands c
    WHERE c.tenant_id = $1 AND c.command_id = $2 AND c.status = 'queued' AND c.published_at IS NULL
    FOR UPDATE OF c
), leased AS (
    SELECT o.command_id FROM device_console.outbox o JOIN target USING (tenant_id, command_id)
    WHERE o.holder IS NOT NULL AND o.due_at > now()
), taken AS (
    DELETE FROM device_console.outbox o USING target t
    WHERE o.tenant_id = t.tenant_id AND o.command_id = t.command_id
      AND (o.holder IS NULL OR o.due_at <= now())
    RETURNING o.command_id
), cancelled AS (
    UPDATE public.device_commands c SET status = 'expired'
    FROM target t
    WHERE c.tenant_id = t.tenant_id AND c.command_id = t.command_id
      AND c.status = 'queued' AND c.published_at IS NULL
      AND NOT EXISTS (SELECT FROM leased)
      AND (EXISTS (SELECT FROM taken)
           OR NOT EXISTS (SELECT FROM device_console.outbox o
                          WHERE o.tenant_id = $1 AND o.command_id = $2))
    RETURNING c.tenant_id, c.command_id
), noted AS (
    INSERT INTO device_console.journal (tenant_id, command_id, kind, by_name, detail)
    SELECT tenant_id, command_id, 'cancelled', $3, $4 FROM cancelled
)
SELECT c.command_id, pg_notify('device_console', $1) FROM cancelled c
