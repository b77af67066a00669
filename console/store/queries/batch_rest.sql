-- The devices of a batch that have no command of it, with the command that theirs would repeat; in their order.
-- $3 true: those that can be sent to; false: the others, which never get one (see batch_insert).
-- Devices with and without a command are put together and counted: any plan of that is linear, also for tables that nobody has analysed.
WITH rest AS MATERIALIZED (
    SELECT u.device_id, min(u.retried) AS retried, min(u.n) AS n
    FROM (SELECT i.device_id, i.retried, i.n, false AS is_sent
          FROM device_console.batch_targets t
          CROSS JOIN unnest(t.device_ids, t.retried) WITH ORDINALITY AS i(device_id, retried, n)
          WHERE t.tenant_id = $1 AND t.batch_id = $2
          UNION ALL
          SELECT c.device_id, NULL, NULL, true
          FROM device_console.batch_members m
          JOIN public.device_commands c ON c.tenant_id = m.tenant_id AND c.command_id = m.command_id
          WHERE m.tenant_id = $1 AND m.batch_id = $2) u
    GROUP BY u.device_id
    HAVING NOT bool_or(u.is_sent)
)
SELECT i.device_id, i.retried
FROM rest i
LEFT JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id
WHERE (r.device_id IS NOT NULL AND (r.decommissioned_at IS NULL OR r.decommissioned_at > now())
       AND device_console.id_is_routable(i.device_id)) = $3
ORDER BY i.n
