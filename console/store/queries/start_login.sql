-- What the login is and whether it may assume the two roles. $1 operator role, $2 worker role.
SELECT session_user::text AS login,
       (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) AS superuser,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS operator_exists,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolbypassrls)) AS operator_unbound,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $2) AS worker_exists,
       COALESCE((SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1), false)
           AS may_operate,
       COALESCE((SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $2), false)
           AS may_work,
       pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'device_console') AS migrated,
       COALESCE((SELECT has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT') FROM pg_class
                 WHERE relnamespace = to_regnamespace('device_console') AND relname = 'migrations'), false)
           AS reads_history,
       EXISTS (SELECT FROM pg_proc WHERE pronamespace = to_regnamespace('device_console')
               AND proname = 'set_ingest_slots') AS granted,  -- functions come last
       COALESCE((SELECT has_schema_privilege(r.oid, n.oid, 'USAGE') FROM pg_roles r, pg_namespace n
                 WHERE r.rolname = $1 AND n.nspname = 'device_console'), false) AS may_enter,
       current_setting('server_encoding') AS encoding,
       current_setting('server_version_num')::integer AS version
