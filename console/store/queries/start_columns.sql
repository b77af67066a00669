-- Columns and indexes of device_commands that the console relies on and that are missing.
SELECT array(SELECT unnest(ARRAY['command_id', 'tenant_id', 'device_id', 'command_type', 'command_params', 'status',
                                 'published_at', 'acked_at', 'ack_details', 'expires_at', 'created_by', 'created_at'])
             EXCEPT SELECT attname::text FROM pg_attribute
             WHERE attrelid = 'public.device_commands'::regclass AND NOT attisdropped) AS columns,
       array(SELECT unnest(ARRAY['idx_device_commands_device_queued', 'idx_device_commands_expires',
                                 'idx_device_commands_device_history'])
             EXCEPT SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE i.indrelid = 'public.device_commands'::regclass AND i.indisvalid) AS indexes,
       (SELECT relrowsecurity FROM pg_class WHERE oid = 'public.device_commands'::regclass) AS secured
