-- Commit some commands of a batch with their outbox rows. $1 tenant, $2 batch, $3 command ids, $4 devices,
-- $5 the commands they repeat, $6 type, $7 params, $8 ttl in seconds, $9 who. Nothing of a stopped batch.
-- The batch is locked against a stop, so that a stop finds all that was committed before it. Ids that exist although no member has them
-- (two go on with one batch at the same moment) break the statement; at the mark it can be told to pass by them, which costs each row.
WITH live AS MATERIALIZED (
    SELECT FROM device_console.batches b
    WHERE b.tenant_id = $1 AND b.batch_id = $2 AND b.stopped_at IS NULL
    FOR SHARE
), input AS (
    SELECT i.* FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS i(command_id, device_id, retry_of, n)
), added AS (
    INSERT INTO public.device_commands
        (tenant_id, command_id, device_id, command_type, command_params, expires_at, created_by)
    SELECT $1, i.command_id, i.device_id, $6, $7::text::jsonb,
           now() + make_interval(secs => $8::double precision), $9
    FROM input i
    JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id
    JOIN public.tenants t ON t.tenant_id = $1 AND t.status = 'ACTIVE'
    WHERE (r.decommissioned_at IS NULL OR r.decommissioned_at > now())
      AND device_console.id_is_routable(i.device_id)
      AND EXISTS (SELECT FROM live)
      -- a command that was sent and deleted since is not sent again
      AND NOT EXISTS (SELECT FROM device_console.batch_members m WHERE m.tenant_id = $1 AND m.command_id = i.command_id)
    ORDER BY i.n
    /*passing by*/
    RETURNING command_id, device_id
), queued AS (
    INSERT INTO device_console.outbox (tenant_id, command_id, device_id)
    SELECT $1, a.command_id, a.device_id FROM added a  -- in the order in which they were added
), members AS (
    INSERT INTO device_console.batch_members (tenant_id, batch_id, command_id)
    SELECT $1, $2, a.command_id FROM added a
), linked AS (
    INSERT INTO device_console.journal (tenant_id, command_id, kind, by_name, detail)
    SELECT $1, a.command_id, 'retry_of', $9, i.retry_of
    FROM added a JOIN input i USING (command_id) WHERE i.retry_of IS NOT NULL
), told AS (
    SELECT device_console.announce_own() WHERE EXISTS (SELECT FROM added)
)
-- what an earlier try committed, whose reply was lost, counts as well
SELECT n.new + CASE WHEN n.new = cardinality($3::text[]) THEN 0 ELSE
           (SELECT count(*) FROM input i JOIN device_console.batch_members m
            ON m.tenant_id = $1 AND m.batch_id = $2 AND m.command_id = i.command_id
            JOIN public.device_commands c ON c.tenant_id = m.tenant_id AND c.command_id = m.command_id) END
FROM (SELECT count(*) AS new FROM added) n LEFT JOIN told ON true
