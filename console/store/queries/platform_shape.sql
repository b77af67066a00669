-- Which columns the tables have that may belong to the platform, as far as whoever asks may read them and they are of a
-- kind that we can read: documents as jsonb, keys of templates as numbers, texts as texts. "by device" is an index.
SELECT array(
    SELECT c.relname || '.' || a.attname
    FROM unnest(ARRAY['device_registry', 'device_state', 'device_tags', 'device_groups', 'device_group_members',
                      'dynamic_device_groups', 'device_templates', 'template_commands',
                      'device_connection_events']) AS n(name)
    JOIN pg_class c ON c.oid = to_regclass('public.' || n.name)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE has_column_privilege(c.oid, a.attnum, 'SELECT')
      AND CASE WHEN a.attname IN ('metadata', 'query_filter', 'parameters_schema', 'response_schema')
               THEN a.atttypid = 'jsonb'::regtype
               WHEN a.attname IN ('template_id', 'sort_order') OR c.relname = 'device_templates' AND a.attname = 'id'
               THEN t.typcategory = 'N'
               WHEN a.attname IN ('model', 'manufacturer', 'device_type', 'name', 'slug', 'category', 'description',
                                  'parent_device_id', 'group_id', 'tag', 'command_key', 'display_name')
               THEN t.typcategory = 'S'
               WHEN a.attname = 'timestamp' THEN a.atttypid = 'timestamptz'::regtype
               ELSE true END
    UNION ALL
    SELECT 'device_connection_events.by device'
    FROM pg_index i
    WHERE i.indrelid = to_regclass('public.device_connection_events') AND i.indisvalid AND i.indpred IS NULL
      AND pg_get_indexdef(i.indexrelid, 1, true) = 'tenant_id' AND pg_get_indexdef(i.indexrelid, 2, true) = 'device_id'
      AND pg_get_indexdef(i.indexrelid, 3, true) LIKE '"timestamp"%'
)
