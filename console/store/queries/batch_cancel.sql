-- Take back what of a batch is not published. Rows are locked before the outbox and in key order, as every
-- writer does; what a dispatcher holds or another session has locked is left to them. $3 who, $4 how many.
WITH target AS MATERIALIZED (
    SELECT c.tenant_id, c.command_id FROM public.device_commands c
    JOIN device_console.batch_members m ON m.tenant_id = c.tenant_id AND m.command_id = c.command_id
    WHERE c.tenant_id = $1 AND m.batch_id = $2 AND c.status = 'queued' AND c.published_at IS NULL
      AND c.acked_at IS NULL
      AND NOT EXISTS (SELECT FROM device_console.outbox o
                      WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id
                        AND o.holder IS NOT NULL AND o.leased_until > now())
    ORDER BY c.command_id
    LIMIT $4
    FOR UPDATE OF c SKIP LOCKED
), taken AS (
    SELECT b.command_id, b.attempt, b.outcome
    FROM device_console.take_back(array(SELECT t.command_id FROM target t)) b
), cancelled AS (
    UPDATE public.device_commands c SET status = 'expired'
    FROM taken t
    WHERE c.tenant_id = $1 AND c.command_id = t.command_id
      AND c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
    RETURNING c.command_id
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
          SELECT c.command_id, 2, 'cancelled', $3::text, 'the batch was stopped'::text, NULL, NULL FROM cancelled c) n
    ORDER BY n.command_id, n.place
), told AS (
    SELECT device_console.announce_own() WHERE EXISTS (SELECT FROM cancelled)
)
SELECT (SELECT count(*) FROM cancelled) FROM (VALUES (1)) AS one LEFT JOIN told ON true
