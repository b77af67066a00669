-- The console's own schema as its migrations build it. Made by `python -m tests.schema_page`; a test compares it with them.
-- The tables are explained in migrations/9*.sql; the functions stand in migrations/repeatable.

CREATE TABLE device_console.batch_members (
    tenant_id text NOT NULL,
    batch_id text NOT NULL,
    command_id text NOT NULL,
    CONSTRAINT batch_members_pkey PRIMARY KEY (tenant_id, command_id)
);
CREATE INDEX batch_members_of ON device_console.batch_members USING btree (tenant_id, batch_id);
ALTER TABLE device_console.batch_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY batch_members_tenant_isolation ON device_console.batch_members FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT INSERT, SELECT ON device_console.batch_members TO pulse_app;

CREATE TABLE device_console.batch_targets (
    tenant_id text NOT NULL,
    batch_id text NOT NULL,
    device_ids text[] NOT NULL,
    retried text[],
    CONSTRAINT batch_targets_pkey PRIMARY KEY (tenant_id, batch_id)
);
ALTER TABLE device_console.batch_targets ENABLE ROW LEVEL SECURITY;
CREATE POLICY batch_targets_tenant_isolation ON device_console.batch_targets FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT INSERT, SELECT ON device_console.batch_targets TO pulse_app;

CREATE TABLE device_console.batches (
    tenant_id text NOT NULL,
    batch_id text NOT NULL,
    command_type text NOT NULL,
    params jsonb NOT NULL,
    ttl_s double precision NOT NULL,
    target text NOT NULL,
    wanted integer NOT NULL,
    retry_of text,
    created_by text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    stopped_at timestamp with time zone,
    stopped_by text,
    CONSTRAINT batches_pkey PRIMARY KEY (tenant_id, batch_id),
    CONSTRAINT batches_created_at CHECK (((created_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT batches_ttl_s CHECK (((ttl_s >= (0)::double precision) AND (ttl_s <= ('3155760000'::bigint)::double precision))),
    CONSTRAINT batches_wanted CHECK ((wanted >= 0))
);
CREATE INDEX batches_newest ON device_console.batches USING btree (tenant_id, created_at DESC);
ALTER TABLE device_console.batches ENABLE ROW LEVEL SECURITY;
CREATE POLICY batches_tenant_isolation ON device_console.batches FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT INSERT (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, retry_of, created_by), SELECT, UPDATE (stopped_at, stopped_by) ON device_console.batches TO pulse_app;

CREATE TABLE device_console.deployment (
    only_row boolean NOT NULL DEFAULT true,
    deployment_id uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    ingest_slots integer NOT NULL DEFAULT 1,
    ingest_slots_ever integer NOT NULL DEFAULT 1,
    identity text,
    notify_key text NOT NULL DEFAULT ((gen_random_uuid())::text || (gen_random_uuid())::text),
    keep_s bigint,
    prunes_platform_table boolean NOT NULL DEFAULT false,
    CONSTRAINT deployment_pkey PRIMARY KEY (only_row),
    CONSTRAINT deployment_ingest_slots_check CHECK (((ingest_slots >= 1) AND (ingest_slots <= 16))),
    CONSTRAINT deployment_ingest_slots_ever_check CHECK (((ingest_slots_ever >= 1) AND (ingest_slots_ever <= 16))),
    CONSTRAINT deployment_keep_s_check CHECK (((keep_s >= 86400) AND (keep_s <= '3155760000'::bigint))),
    CONSTRAINT deployment_only_row_check CHECK (only_row)
);
GRANT SELECT ON device_console.deployment TO device_console_worker;

CREATE TABLE device_console.ended_events (
    event_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id text NOT NULL,
    outcome text NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    command_ids text[] NOT NULL,
    CONSTRAINT ended_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT ended_events_outcome_check CHECK ((outcome = ANY (ARRAY['acked'::text, 'late'::text, 'missed'::text, 'expired'::text])))
);
ALTER TABLE device_console.ended_events ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.folds (
    tenant_id text NOT NULL,
    folded_at timestamp with time zone NOT NULL,
    added integer NOT NULL DEFAULT 0,
    CONSTRAINT folds_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE device_console.folds ENABLE ROW LEVEL SECURITY;
CREATE POLICY folds_tenant_isolation ON device_console.folds FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT SELECT ON device_console.folds TO pulse_app;

CREATE TABLE device_console.hour_groups (
    tenant_id text NOT NULL,
    hour timestamp with time zone NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    ended integer[] NOT NULL,
    CONSTRAINT hour_groups_pkey PRIMARY KEY (tenant_id, hour, kind, name),
    CONSTRAINT hour_groups_kind_check CHECK ((kind = ANY (ARRAY['site'::text, 'model'::text, 'type'::text, 'fw'::text, 'reason'::text, 'sender'::text])))
);
ALTER TABLE device_console.hour_groups ENABLE ROW LEVEL SECURITY;
CREATE POLICY hour_groups_tenant_isolation ON device_console.hour_groups FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT SELECT ON device_console.hour_groups TO pulse_app;

CREATE TABLE device_console.ingest_gaps (
    slot integer NOT NULL,
    began_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ingest_gaps_pkey PRIMARY KEY (ended_at, slot)
);
ALTER TABLE device_console.ingest_gaps ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.journal (
    tenant_id text NOT NULL,
    command_id text NOT NULL,
    entry_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL DEFAULT now(),
    kind text NOT NULL,
    by_name text,
    detail text,
    attempt integer,
    outcome text,
    blocked_by text,
    CONSTRAINT journal_pkey PRIMARY KEY (tenant_id, command_id, entry_id),
    CONSTRAINT journal_attempt_check CHECK (((attempt >= 0) AND (attempt <= 1000000))),
    CONSTRAINT journal_attempts CHECK (((kind <> 'attempt'::text) OR ((attempt IS NOT NULL) AND (outcome IS NOT NULL)))),
    CONSTRAINT journal_blocked_by_check CHECK ((blocked_by = ANY (ARRAY['tenant'::text, 'device'::text, 'batch'::text, 'other program'::text, 'content'::text, 'database'::text, 'broker'::text, 'earlier command'::text]))),
    CONSTRAINT journal_entry_id CHECK ((entry_id > 0)),
    CONSTRAINT journal_kind_check CHECK ((kind = ANY (ARRAY['cancelled'::text, 'retry_of'::text, 'attempt'::text, 'nobody_listens'::text, 'late_ack'::text, 'unsent'::text, 'adopted'::text, 'progress'::text, 'conflict'::text]))),
    CONSTRAINT journal_outcome_check CHECK ((outcome = ANY (ARRAY['confirmed'::text, 'refused'::text, 'unknown'::text, 'not tried'::text]))),
    CONSTRAINT journal_texts CHECK (((octet_length(command_id) <= 1000) AND (length(by_name) <= 1000) AND (length(detail) <= 20000)))
);
CREATE INDEX journal_progress ON device_console.journal USING btree (tenant_id, entry_id) WHERE (kind = 'progress'::text);
ALTER TABLE device_console.journal ENABLE ROW LEVEL SECURITY;
CREATE POLICY journal_tenant_isolation ON device_console.journal FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT INSERT (tenant_id, command_id, kind, by_name, detail, attempt, outcome), SELECT ON device_console.journal TO pulse_app;

CREATE TABLE device_console.kept_answers (
    answer_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id text NOT NULL,
    device_id text NOT NULL,
    command_id text NOT NULL,
    ack text NOT NULL,
    kept_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT kept_answers_pkey PRIMARY KEY (answer_id)
);
CREATE INDEX kept_answers_of ON device_console.kept_answers USING btree (tenant_id, command_id);
ALTER TABLE device_console.kept_answers ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.lease_ends (
    role text NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    CONSTRAINT lease_ends_pkey PRIMARY KEY (role)
);
ALTER TABLE device_console.lease_ends ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.leases (
    token bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    role text NOT NULL,
    holder uuid NOT NULL,
    is_shared boolean NOT NULL,
    program text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    machine text NOT NULL,
    link text NOT NULL DEFAULT ''::text,
    taken_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    beat_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT leases_role_holder_key UNIQUE (role, holder),
    CONSTRAINT leases_pkey PRIMARY KEY (token),
    CONSTRAINT leases_host_check CHECK ((length(host) <= 255)),
    CONSTRAINT leases_link_check CHECK ((length(link) <= 32)),
    CONSTRAINT leases_machine_check CHECK ((length(machine) <= 128)),
    CONSTRAINT leases_program_check CHECK ((length(program) <= 64)),
    CONSTRAINT leases_role_check CHECK (((length(role) >= 1) AND (length(role) <= 64)))
) WITH (fillfactor=50);
CREATE UNIQUE INDEX leases_sole_holder ON device_console.leases USING btree (role) WHERE (NOT is_shared);
ALTER TABLE device_console.leases ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.login_tenants (
    login text NOT NULL,
    tenant_id text NOT NULL,
    CONSTRAINT login_tenants_pkey PRIMARY KEY (login, tenant_id)
);
ALTER TABLE device_console.login_tenants ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    origin text NOT NULL,
    notes text NOT NULL DEFAULT ''::text,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT migrations_pkey PRIMARY KEY (version),
    CONSTRAINT migrations_origin_check CHECK ((origin = ANY (ARRAY['applied'::text, 'adopted'::text])))
);
GRANT SELECT ON device_console.migrations TO pulse_app;

CREATE TABLE device_console.minute_totals (
    tenant_id text NOT NULL,
    minute timestamp with time zone NOT NULL,
    sent integer NOT NULL,
    ended integer[] NOT NULL,
    answered integer[] NOT NULL,
    CONSTRAINT minute_totals_pkey PRIMARY KEY (tenant_id, minute)
);
ALTER TABLE device_console.minute_totals ENABLE ROW LEVEL SECURITY;
CREATE POLICY minute_totals_tenant_isolation ON device_console.minute_totals FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT SELECT ON device_console.minute_totals TO pulse_app;

CREATE TABLE device_console.outbox (
    tenant_id text NOT NULL,
    command_id text NOT NULL,
    device_id text NOT NULL,
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    due_at timestamp with time zone NOT NULL DEFAULT now(),
    holder uuid,
    attempt integer NOT NULL DEFAULT 0,
    last_error text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    held_back boolean NOT NULL DEFAULT false,
    outcome text,
    blocked_by text,
    leased_until timestamp with time zone,
    CONSTRAINT outbox_pkey PRIMARY KEY (command_id, tenant_id),
    CONSTRAINT outbox_attempt CHECK (((attempt >= 0) AND (attempt <= 1000000))),
    CONSTRAINT outbox_blocked_by_check CHECK ((blocked_by = ANY (ARRAY['tenant'::text, 'device'::text, 'batch'::text, 'other program'::text, 'content'::text, 'database'::text]))),
    CONSTRAINT outbox_created_at CHECK (((created_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (created_at <= '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT outbox_due_at CHECK ((due_at >= '2000-01-01 00:00:00+00'::timestamp with time zone)),
    CONSTRAINT outbox_ids CHECK (((octet_length(tenant_id) <= 1000) AND (octet_length(command_id) <= 1000) AND (octet_length(device_id) <= 1000))),
    CONSTRAINT outbox_last_error CHECK ((length(last_error) <= 1000)),
    CONSTRAINT outbox_lease CHECK (((holder IS NULL) = (leased_until IS NULL))),
    CONSTRAINT outbox_leased_until_check CHECK ((leased_until >= '2000-01-01 00:00:00+00'::timestamp with time zone)),
    CONSTRAINT outbox_outcome_check CHECK ((outcome = ANY (ARRAY['refused'::text, 'unknown'::text, 'not tried'::text]))),
    CONSTRAINT outbox_seq CHECK ((seq > 0))
) WITH (fillfactor=50);
CREATE INDEX outbox_device_order ON device_console.outbox USING btree (tenant_id, device_id, created_at, seq);
CREATE INDEX outbox_due ON device_console.outbox USING btree (tenant_id, due_at, seq) WHERE (due_at < 'infinity'::timestamp with time zone);
CREATE INDEX outbox_parked ON device_console.outbox USING btree (tenant_id, command_id) WHERE (due_at = 'infinity'::timestamp with time zone);
CREATE TRIGGER outbox_next_in_turn AFTER DELETE ON device_console.outbox REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION next_in_turn();
ALTER TABLE device_console.outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY outbox_tenant_isolation ON device_console.outbox FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT INSERT (tenant_id, command_id, device_id), SELECT ON device_console.outbox TO pulse_app;

CREATE TABLE device_console.problems (
    tenant_id text NOT NULL,
    kind text NOT NULL,
    device_id text NOT NULL,
    command_id text NOT NULL,
    detail text NOT NULL,
    count bigint NOT NULL DEFAULT 1,
    first_at timestamp with time zone NOT NULL DEFAULT now(),
    last_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT problems_pkey PRIMARY KEY (tenant_id, kind, device_id, command_id)
);
CREATE INDEX problems_newest ON device_console.problems USING btree (tenant_id, last_at DESC);
ALTER TABLE device_console.problems ENABLE ROW LEVEL SECURITY;
CREATE POLICY problems_of_nobody ON device_console.problems FOR SELECT USING ((tenant_id = ''::text) AND (kind = ANY (ARRAY['link'::text, 'unknown tenant'::text])) AND (( SELECT own_tenant() AS own_tenant) IS NOT NULL));
CREATE POLICY problems_tenant_isolation ON device_console.problems FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT SELECT ON device_console.problems TO pulse_app;

CREATE TABLE device_console.recent_ends (
    tenant_id text NOT NULL,
    command_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    outcome text NOT NULL,
    device_id text NOT NULL,
    site text NOT NULL,
    model text NOT NULL,
    fw text NOT NULL,
    command_type text NOT NULL,
    sender text NOT NULL,
    batch_id text,
    reason text NOT NULL,
    CONSTRAINT recent_ends_pkey PRIMARY KEY (tenant_id, command_id),
    CONSTRAINT recent_ends_outcome_check CHECK ((outcome = ANY (ARRAY['failed'::text, 'missed'::text, 'expired'::text])))
);
CREATE INDEX recent_ends_newest ON device_console.recent_ends USING btree (tenant_id, at);
ALTER TABLE device_console.recent_ends ENABLE ROW LEVEL SECURITY;
CREATE POLICY recent_ends_tenant_isolation ON device_console.recent_ends FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT SELECT ON device_console.recent_ends TO pulse_app;

CREATE TABLE device_console.repeatables (
    name text NOT NULL,
    checksum text NOT NULL,
    program text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT repeatables_pkey PRIMARY KEY (name)
);
GRANT SELECT ON device_console.repeatables TO pulse_app;

CREATE TABLE device_console.sent_events (
    event_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    sent integer NOT NULL,
    CONSTRAINT sent_events_pkey PRIMARY KEY (event_id)
);
ALTER TABLE device_console.sent_events ENABLE ROW LEVEL SECURITY;

CREATE TABLE device_console.type_latency (
    tenant_id text NOT NULL,
    command_type text NOT NULL,
    model text NOT NULL,
    answers integer NOT NULL,
    counts integer[] NOT NULL,
    CONSTRAINT type_latency_pkey PRIMARY KEY (tenant_id, command_type, model)
);
ALTER TABLE device_console.type_latency ENABLE ROW LEVEL SECURITY;
CREATE POLICY type_latency_tenant_isolation ON device_console.type_latency FOR ALL USING (tenant_id = ( SELECT own_tenant() AS own_tenant)) WITH CHECK (tenant_id = ( SELECT own_tenant() AS own_tenant));
GRANT SELECT ON device_console.type_latency TO pulse_app;

-- FUNCTION ack_word(p_answer jsonb)
--     RETURNS text IMMUTABLE TO pulse_app
-- FUNCTION acknowledge(p_tenants text[], p_devices text[], p_commands text[], p_acks text[], p_accept_late boolean)
--     RETURNS TABLE(n integer, outcome text) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, enable_seqscan=off, enable_hashjoin=off, enable_mergejoin=off, jit=off TO device_console_worker
-- FUNCTION acknowledge_fenced(p_token bigint, p_patience text, p_tenants text[], p_devices text[], p_commands text[], p_acks text[], p_accept_late boolean)
--     RETURNS TABLE(n integer, outcome text) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION acknowledge_rest(p_left boolean[], p_tenants text[], p_devices text[], p_commands text[], p_acks text[], p_accept_late boolean, p_now timestamp with time zone, p_may_wait boolean)
--     RETURNS TABLE(n integer, outcome text) VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION added(p_one integer[], p_other integer[])
--     RETURNS integer[] IMMUTABLE
-- FUNCTION adopt(p_age interval, p_limit integer)
--     RETURNS integer VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION announce(p_tenants text[])
--     RETURNS void VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION announce_own()
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION answer_effect(p_is_addressed boolean, p_status text, p_acked_at timestamp with time zone, p_expires_at timestamp with time zone, p_accept_late boolean, p_now timestamp with time zone)
--     RETURNS text IMMUTABLE
-- FUNCTION answer_reason(p_answer jsonb)
--     RETURNS text IMMUTABLE
-- FUNCTION audit_batch(p_batch text)
--     RETURNS boolean VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, lock_timeout=1s TO pulse_app
-- FUNCTION audit_commands(p_commands text[], p_cancelled boolean)
--     RETURNS boolean VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, lock_timeout=1s TO pulse_app
-- FUNCTION audit_fault()
--     RETURNS text VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, lock_timeout=1s TO pulse_app
-- FUNCTION audit_refused(p_tenant text, p_error text)
--     RETURNS void VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION beat(p_tokens bigint[], p_links text[])
--     RETURNS SETOF bigint VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION bound_tenants()
--     RETURNS text[] STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION claim(p_holder uuid, p_limit integer, p_lease interval, p_max_bytes integer, p_chain integer DEFAULT 1, p_after text DEFAULT ''::text)
--     RETURNS TABLE(tenant_id text, command_id text, device_id text, command_type text, params text, expires_at timestamp with time zone, seconds_left double precision, attempt integer, there integer) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, plan_cache_mode=force_generic_plan, jit=off, enable_seqscan=off, enable_bitmapscan=off, enable_hashjoin=off, enable_mergejoin=off, enable_sort=off, enable_incremental_sort=off TO device_console_worker
-- FUNCTION clear_some(p_tenants text[], p_commands text[])
--     RETURNS integer VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION concerns_all(p_sqlstate text)
--     RETURNS boolean IMMUTABLE
-- FUNCTION database_identity()
--     RETURNS text STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION digest_of(p_tenant text)
--     RETURNS text STABLE SET search_path=pg_catalog, pg_temp
-- FUNCTION faded(p_counts integer[])
--     RETURNS integer[] IMMUTABLE
-- FUNCTION fence(p_token bigint)
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION fence_answers(p_token bigint)
--     RETURNS boolean VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION fold(p_most integer, OUT folded integer, OUT is_over boolean, OUT answered integer[])
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, plan_cache_mode=force_generic_plan, enable_seqscan=off TO device_console_worker
-- FUNCTION fold_some(p_ended bigint[], p_sent bigint[], OUT answered integer[])
--     RETURNS integer[] VOLATILE SET search_path=pg_catalog, pg_temp, plan_cache_mode=force_generic_plan, enable_seqscan=off, enable_hashjoin=off, enable_mergejoin=off, jit=off
-- FUNCTION forget_kept(p_answers bigint[])
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION give_leases(p_tokens bigint[])
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION has_kept(p_tenants text[], p_commands text[])
--     RETURNS boolean STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION heal_some(p_tenants text[], p_commands text[])
--     RETURNS integer VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION held_up(p_tenant text, p_device text, p_seq bigint, p_at timestamp with time zone, OUT blocked_by text, OUT words text)
--     RETURNS record STABLE
-- FUNCTION held_up_now(p_command text, OUT blocked_by text, OUT words text)
--     RETURNS record STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION id_is_routable(value text)
--     RETURNS boolean IMMUTABLE TO device_console_worker, pulse_app
-- FUNCTION ingest_gap_s(p_expires_at timestamp with time zone, p_acked_at timestamp with time zone)
--     RETURNS double precision STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker, pulse_app
-- FUNCTION ingest_resumed(p_token bigint, p_slot integer)
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION insert_commands(p_tenant text, p_commands text[], p_devices text[], p_types text[], p_params text[], p_ttls_s double precision[], p_by text[], p_retry_of text[], p_audit boolean)
--     RETURNS TABLE(registered boolean, registry_status text, decommissioned boolean, link text, tenant_status text, written boolean, audited boolean) VOLATILE SET plan_cache_mode=force_generic_plan, jit=off, enable_seqscan=off, enable_bitmapscan=off, enable_hashjoin=off, enable_mergejoin=off, enable_sort=off, enable_incremental_sort=off TO pulse_app
-- FUNCTION is_original(p_accept boolean)
--     RETURNS boolean VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION is_stale(beat_at timestamp with time zone)
--     RETURNS boolean STABLE TO device_console_worker, pulse_app
-- FUNCTION json_bytes(p_document jsonb, p_most integer)
--     RETURNS integer IMMUTABLE SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION json_shown(p_document jsonb, p_most integer)
--     RETURNS text IMMUTABLE TO pulse_app
-- FUNCTION keep_locked(p_tenants text[], p_devices text[], p_commands text[], p_acks text[])
--     RETURNS TABLE(n integer) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION keep_newest(p_tenants text[], p_commands text[], p_kind text)
--     RETURNS void VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION kept(p_limit integer)
--     RETURNS TABLE(answer_id bigint, tenant_id text, device_id text, command_id text, ack text) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION keyed_digest(p_key text, p_tenant text)
--     RETURNS text IMMUTABLE
-- FUNCTION latency_bucket(p_ms double precision)
--     RETURNS integer IMMUTABLE
-- FUNCTION lease(p_holder uuid, p_lease interval, p_max_bytes integer, p_rows tid[], p_there bigint[] DEFAULT NULL::bigint[])
--     RETURNS TABLE(tenant_id text, command_id text, device_id text, command_type text, params text, expires_at timestamp with time zone, seconds_left double precision, attempt integer, there integer) VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION lease_holders()
--     RETURNS TABLE(role text, program text, host text, pid integer, machine text, link text, held_s double precision, beat_age_s double precision, is_stale boolean) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker, pulse_app
-- FUNCTION lease_one(p_row tid, p_holder uuid, p_lease interval, p_max_bytes integer)
--     RETURNS TABLE(tenant_id text, command_id text, device_id text, command_type text, params text, expires_at timestamp with time zone, seconds_left double precision, attempt integer, there integer) VOLATILE
-- FUNCTION lease_owners(p_role text)
--     RETURNS TABLE(token bigint, pid integer, machine text) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION lock_command(p_tenant text, p_command text, p_may_wait boolean)
--     RETURNS tid VOLATILE SET search_path=pg_catalog, pg_temp, enable_seqscan=off, enable_hashjoin=off, enable_mergejoin=off, jit=off
-- FUNCTION lock_commands(p_tenants text[], p_commands text[])
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION mark(p_holder uuid, p_tenants text[], p_commands text[], p_nobody_listens boolean[], OUT published integer, OUT locked integer[])
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, plan_cache_mode=force_generic_plan, jit=off, enable_seqscan=off, enable_bitmapscan=off, enable_hashjoin=off, enable_mergejoin=off, enable_sort=off, enable_incremental_sort=off TO device_console_worker
-- FUNCTION next_due()
--     RETURNS double precision VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, plan_cache_mode=force_generic_plan, jit=off, enable_seqscan=off, enable_bitmapscan=off, enable_hashjoin=off, enable_mergejoin=off, enable_sort=off, enable_incremental_sort=off TO device_console_worker
-- FUNCTION next_in_turn()
--     RETURNS trigger VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp
-- FUNCTION own_digest()
--     RETURNS text STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION own_tenant()
--     RETURNS text STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION plain_answer(answer jsonb)
--     RETURNS jsonb STABLE
-- FUNCTION progressed(p_tenants text[], p_devices text[], p_commands text[], p_acks text[])
--     RETURNS TABLE(n integer, outcome text) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, enable_seqscan=off, enable_hashjoin=off, enable_mergejoin=off, jit=off TO device_console_worker
-- FUNCTION prune_range(p_from tid, p_to tid, p_before timestamp with time zone)
--     RETURNS integer VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION prune_settled(p_from_block bigint, p_blocks integer, OUT pruned integer, OUT next_block bigint, OUT refused text)
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, enable_seqscan=off, enable_hashjoin=off, enable_mergejoin=off, jit=off, lock_timeout=100ms TO device_console_worker
-- FUNCTION put_off(p_tenant text, p_command text, p_error text)
--     RETURNS void VOLATILE SET search_path=pg_catalog, pg_temp
-- FUNCTION record_problems(p_tenants text[], p_kinds text[], p_devices text[], p_commands text[], p_details text[])
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION release(p_holder uuid, p_tenants text[], p_commands text[], p_outcomes text[], p_errors text[], p_delays_s double precision[])
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION retention(OUT keep_s bigint, OUT is_own boolean, OUT is_on boolean)
--     RETURNS record STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker, pulse_app
-- FUNCTION send(p_role text, p_tenant text, p_lock_wait text, p_commands text[], p_devices text[], p_types text[], p_params text[], p_ttls_s double precision[], p_by text[], p_retry_of text[], p_audit boolean)
--     RETURNS TABLE(registered boolean, registry_status text, decommissioned boolean, link text, tenant_status text, written boolean, audited boolean) VOLATILE TO pulse_app
-- FUNCTION set_ingest_slots(p_slots integer)
--     RETURNS void VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION settle(p_rows tid[], p_until timestamp with time zone, OUT missed integer, OUT expired integer, OUT healed integer, OUT lateness_s double precision, OUT tenants text[])
--     RETURNS record VOLATILE
-- FUNCTION settle_each(p_rows tid[], p_until timestamp with time zone, OUT missed integer, OUT expired integer, OUT healed integer, OUT lateness_s double precision, OUT tenants text[])
--     RETURNS record VOLATILE
-- FUNCTION short_id(value text)
--     RETURNS text IMMUTABLE
-- FUNCTION shown(instant timestamp with time zone)
--     RETURNS timestamp with time zone IMMUTABLE TO pulse_app
-- FUNCTION sweep(p_up timestamp with time zone, p_down timestamp with time zone, p_since timestamp with time zone, p_limit integer, OUT missed integer, OUT expired integer, OUT healed integer, OUT lateness_s double precision, OUT up timestamp with time zone, OUT down timestamp with time zone, OUT until timestamp with time zone, OUT is_over boolean, OUT due_s double precision, OUT is_blocked boolean)
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp, enable_seqscan=off, enable_hashjoin=off, enable_mergejoin=off, jit=off TO device_console_worker
-- FUNCTION take_back(p_commands text[])
--     RETURNS TABLE(command_id text, attempt integer, outcome text) VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION take_lease(p_role text, p_holder uuid, p_shared boolean, p_program text, p_host text, p_pid integer, p_machine text, p_dead bigint[], OUT token bigint, OUT was_silent boolean)
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION tally(p_buckets integer[])
--     RETURNS integer[] IMMUTABLE
-- FUNCTION tidy_up(p_limit integer, OUT healed integer, OUT cleared integer)
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION trim_ended(p_keep integer, p_age_s double precision)
--     RETURNS integer VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION trim_figures(p_minutes interval, p_hours interval, p_keep integer, p_most integer)
--     RETURNS integer VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION trim_problems(p_keep integer)
--     RETURNS integer VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION turns(p_limit integer, p_chain integer)
--     RETURNS TABLE(tenant_id text, device_id text, command_id text, place bigint, chain bigint, there bigint, put_off_s integer) STABLE
-- FUNCTION unfolded_s()
--     RETURNS double precision STABLE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO pulse_app
-- FUNCTION waiting(OUT commands integer, OUT oldest_s double precision)
--     RETURNS record VOLATILE SECURITY DEFINER SET search_path=pg_catalog, pg_temp TO device_console_worker
-- FUNCTION wake_first(p_tenants text[], p_devices text[])
--     RETURNS void VOLATILE SET search_path=pg_catalog, pg_temp, plan_cache_mode=force_generic_plan, jit=off, enable_indexscan=on, enable_nestloop=on, enable_seqscan=off, enable_bitmapscan=off, enable_hashjoin=off, enable_mergejoin=off
-- FUNCTION write_audit(p_tenant text, p_event text, p_action text, p_entity_type text, p_entity text, p_message text, p_details jsonb, p_by text)
--     RETURNS void VOLATILE SET search_path=pg_catalog, pg_temp
