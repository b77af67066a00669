-- Cancel one unpublished command. The row is locked before the outbox, as every writer does; whoever deletes
-- the outbox row wins against the dispatcher. What another program wrote and nobody took over has none: that program
-- may be publishing it right now, so it is not called cancelled.
WITH target AS MATERIALIZED (
    SELECT c.tenant_id, c.command_id FROM public.device_commands c
    WHERE c.tenant_id = $1 AND c.command_id = $2 AND c.status = 'queued' AND c.published_at IS NULL
      AND c.acked_at IS NULL
    FOR UPDATE OF c
), taken AS (
    SELECT b.command_id, b.attempt, b.outcome
    FROM device_console.take_back(array(SELECT t.command_id FROM target t)) b
), cancelled AS (
    UPDATE public.device_commands c SET status = 'expired'
    FROM target t
    JOIN taken USING (command_id)
    WHERE c.tenant_id = t.tenant_id AND c.command_id = t.command_id
      AND c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
    RETURNING c.tenant_id, c.command_id
), noted AS (
    -- whoever claimed it and did not tell how that ended may have published it: that outlives the outbox row
    INSERT INTO device_console.journal (tenant_id, command_id, kind, by_name, detail, attempt, outcome)
    SELECT $1, n.command_id, n.kind, n.by_name, n.detail, n.attempt, n.outcome
    FROM (SELECT c.command_id, 1 AS place, 'attempt' AS kind, NULL AS by_name,
                 'the command was taken back before its end was on record' AS detail, t.attempt, 'unknown' AS outcome
          FROM cancelled c JOIN taken t ON t.command_id = c.command_id
          WHERE (SELECT count(*) FROM device_console.journal j
                 WHERE j.tenant_id = $1 AND j.command_id = c.command_id AND j.kind = 'attempt') < least(t.attempt, 20)
             OR t.attempt > 20 AND t.outcome = 'unknown'
          UNION ALL
          SELECT c.command_id, 2, 'cancelled', $3::text, $4::text, NULL, NULL FROM cancelled c) n
    ORDER BY n.command_id, n.place
)
SELECT c.command_id, device_console.announce_own() FROM cancelled c
