-- What the assumed operator role may do. Asked under that role.
SELECT row_security_active('public.device_commands') AS bound,
       has_table_privilege('public.device_commands', 'SELECT') AS may_select,
       has_table_privilege('public.device_commands', 'INSERT') AS may_insert,
       has_any_column_privilege('public.device_commands', 'UPDATE') AS may_update,
       has_table_privilege('public.device_commands', 'DELETE') AS may_delete,
       has_table_privilege('public.device_commands', 'TRUNCATE') AS may_truncate,
       has_table_privilege('public.device_registry', 'SELECT') AS may_see_devices,
       has_table_privilege('public.tenants', 'SELECT') AS may_see_tenant,
       has_table_privilege('public.device_state', 'SELECT') AS may_see_state,
       array(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = 'public.device_commands'::regclass AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
               AND a.attname <> ALL (ARRAY['tenant_id', 'command_id', 'device_id', 'command_type', 'command_params',
                                           'expires_at', 'created_by'])
             ORDER BY a.attnum) AS must_fill
