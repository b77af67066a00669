-- What the assumed operator role may do. Asked under that role.
SELECT row_security_active('public.device_commands') AS bound,
       has_table_privilege('public.device_commands', 'SELECT') AS may_select,
       has_table_privilege('public.device_commands', 'INSERT') AS may_insert,
       has_any_column_privilege('public.device_commands', 'UPDATE') AS may_update,
       has_table_privilege('public.device_commands', 'DELETE') AS may_delete,
       has_table_privilege('public.device_commands', 'TRUNCATE') AS may_truncate,
       has_table_privilege('public.device_registry', 'SELECT') AS may_see_devices,
       has_table_privilege('public.tenants', 'SELECT') AS may_see_tenant,
       has_table_privilege('public.device_state', 'SELECT') AS may_see_state
