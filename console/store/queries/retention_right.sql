-- Whether this login may set the retention, and who may; and whether device_commands is partitioned.
SELECT pg_has_role(session_user, d.relowner, 'USAGE') AS may_set, session_user::text AS login, r.rolname::text AS owner,
       (SELECT c.relkind = 'p' FROM pg_class c WHERE c.oid = to_regclass('public.device_commands')) AS is_partitioned
FROM pg_class d JOIN pg_roles r ON r.oid = d.relowner
WHERE d.relnamespace = to_regnamespace('device_console') AND d.relname = 'deployment'
