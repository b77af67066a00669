-- Whether an index gives a tenant's commands in the order of their age.
SELECT EXISTS (
    SELECT FROM pg_index i
    WHERE i.indrelid = 'public.device_commands'::regclass AND i.indisvalid
      AND pg_get_indexdef(i.indexrelid, 1, true) = 'tenant_id'
      AND pg_get_indexdef(i.indexrelid, 2, true) LIKE 'created_at%')
