-- What of the console's own is missing: tables, columns and functions; indexes of device_commands; and the tables on
-- which row level security is off, ours and the platform's.
WITH needed (name, columns) AS (VALUES
    ('device_console.deployment', 'deployment_id ingest_slots ingest_slots_ever keep_s prunes_platform_table'),
    ('device_console.outbox', 'tenant_id command_id device_id seq due_at holder leased_until attempt last_error created_at held_back outcome blocked_by'),
    ('device_console.leases', 'token role holder is_shared program host pid machine link taken_at beat_at'),
    ('device_console.lease_ends', 'role ended_at'),
    ('device_console.ingest_gaps', 'slot began_at ended_at'),
    ('device_console.kept_answers', 'answer_id tenant_id device_id command_id ack kept_at'),
    ('device_console.ended_events', 'event_id tenant_id outcome ended_at command_ids'),
    ('device_console.sent_events', 'event_id tenant_id sent_at sent'),
    ('device_console.minute_totals', 'tenant_id minute sent ended answered'),
    ('device_console.hour_groups', 'tenant_id hour kind name ended'),
    ('device_console.type_latency', 'tenant_id command_type model answers counts'),
    ('device_console.recent_ends', 'tenant_id command_id at outcome device_id site model fw command_type sender batch_id reason'),
    ('device_console.folds', 'tenant_id folded_at added'),
    ('device_console.login_tenants', 'login tenant_id'),
    ('device_console.journal', 'tenant_id command_id entry_id at kind by_name detail attempt outcome blocked_by'),
    ('device_console.problems', 'tenant_id kind device_id command_id detail count first_at last_at'),
    ('device_console.batches', 'tenant_id batch_id command_type params ttl_s target wanted retry_of created_by created_at stopped_at stopped_by'),
    ('device_console.batch_members', 'tenant_id batch_id command_id'),
    ('device_console.batch_targets', 'tenant_id batch_id device_ids')
), found AS MATERIALIZED (
    SELECT n.name, n.columns, to_regclass(n.name)::oid AS oid FROM needed n
), functions (name) AS (VALUES
    ('ack_word'), ('acknowledge'), ('acknowledge_fenced'), ('acknowledge_rest'), ('answer_effect'), ('fence_answers'), ('has_kept'), ('held_up'), ('held_up_now'), ('lock_command'), ('lock_commands'), ('adopt'), ('announce'), ('announce_own'), ('audit_batch'), ('audit_commands'), ('audit_fault'), ('audit_refused'), ('write_audit'), ('beat'), ('bound_tenants'), ('claim'), ('clear_some'),
    ('concerns_all'), ('database_identity'), ('digest_of'), ('fence'), ('heal_some'), ('tidy_up'), ('forget_kept'), ('give_leases'),
    ('id_is_routable'), ('ingest_gap_s'), ('ingest_resumed'), ('insert_commands'), ('is_original'), ('is_stale'), ('json_bytes'),
    ('json_shown'), ('keep_locked'), ('keep_newest'), ('keyed_digest'), ('kept'), ('lease'), ('lease_holders'), ('lease_one'), ('lease_owners'),
    ('mark'), ('next_due'), ('next_in_turn'), ('own_digest'), ('own_tenant'),
    ('plain_answer'), ('progressed'), ('prune_range'), ('prune_settled'), ('put_off'), ('record_problems'), ('release'), ('retention'), ('set_ingest_slots'), ('settle'),
    ('send'), ('settle_each'), ('short_id'), ('shown'), ('sweep'), ('take_back'), ('take_lease'), ('trim_ended'), ('trim_problems'), ('turns'), ('waiting'), ('wake_first'),
    ('added'), ('answer_reason'), ('faded'), ('fold'), ('fold_some'), ('latency_bucket'), ('tally'), ('trim_figures'), ('unfolded_s')
)
SELECT array(SELECT f.name FROM found f WHERE f.oid IS NULL ORDER BY 1) AS tables,
       array(SELECT f.name || '.' || wanted FROM found f, unnest(string_to_array(f.columns, ' ')) AS wanted
             WHERE f.oid IS NOT NULL
               AND NOT EXISTS (SELECT FROM pg_attribute a
                               WHERE a.attrelid = f.oid AND a.attname = wanted AND NOT a.attisdropped)
             ORDER BY 1) AS columns,
       array(SELECT 'device_console.' || f.name FROM functions f
             WHERE NOT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                               WHERE n.nspname = 'device_console' AND p.proname = f.name)
             ORDER BY 1) AS functions,
       array(SELECT unnest(ARRAY['idx_device_commands_device_queued', 'idx_device_commands_expires',
                                 'idx_device_commands_device_history'])
             EXCEPT SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE i.indrelid = to_regclass('public.device_commands') AND i.indisvalid) AS indexes,
       array(SELECT t.name FROM (SELECT f.name, f.oid FROM found f UNION ALL
                                 VALUES ('public.device_commands', to_regclass('public.device_commands'))) t
             JOIN pg_class c ON c.oid = t.oid
             WHERE NOT c.relrowsecurity AND c.relkind = 'r' AND t.name <> 'device_console.deployment'
             ORDER BY 1) AS open,
       array(SELECT t.name
             FROM unnest(ARRAY['public.tenants', 'public.device_registry', 'public.device_state', 'public.device_tags'])
                 AS t(name) JOIN pg_class c ON c.oid = to_regclass(t.name)
             WHERE NOT c.relrowsecurity ORDER BY 1) AS unguarded
