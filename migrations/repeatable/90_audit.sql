-- Each send, batch, cancel and retry leaves a row in the platform's audit_log, where there is one.
-- The operators' role may read that table and not write it, so definer functions do: only about acts of the very transaction
-- that calls them, in the words of their own rows. An operator may call them, too, and fills no instant of our tables: those
-- say when a row was made, also below a savepoint. Whatever the table says against a row, the act itself goes on.

-- One row for each subject, or the reason why not. Whether the act stands is known at its commit, and so is the row.
CREATE OR REPLACE FUNCTION device_console.write_audit(
    p_tenant TEXT, p_event TEXT, p_action TEXT, p_entity_type TEXT, p_entity TEXT, p_message TEXT, p_details JSONB, p_by TEXT
) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_late TEXT;
BEGIN
    INSERT INTO public.audit_log (
        tenant_id, event_type, category, severity, entity_type, entity_id, action, message, details,
        source_service, actor_type, actor_id, actor_name)
    VALUES (
        p_tenant, p_event, 'device', 'info', p_entity_type, p_entity, p_action,
        regexp_replace(p_message, '[[:cntrl:]]', ' ', 'g'), p_details, 'device-console', 'user', p_by, p_by);
    -- What the table would say at the commit, it says now; the constraints of other tables are none of ours.
    SELECT string_agg(DISTINCT format('%I.%I', n.nspname, k.conname), ', ') INTO v_late
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
    WHERE k.condeferrable
      AND (k.conrelid = 'public.audit_log'::regclass
           OR k.conrelid IN (SELECT t.relid FROM pg_partition_tree('public.audit_log') t));
    IF v_late IS NOT NULL THEN
        EXECUTE format('SET CONSTRAINTS %s IMMEDIATE', v_late);
    END IF;
END
$$;

-- The tenant's operators see that their acts left no row, and why; where even that fails, the act goes on.
CREATE OR REPLACE FUNCTION device_console.audit_refused(p_tenant TEXT, p_error TEXT) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM device_console.record_problems(
        ARRAY[p_tenant], ARRAY['audit'], ARRAY[''], ARRAY[''], ARRAY['audit_log took no row: ' || left(p_error, 400)])
    WHERE p_tenant IS NOT NULL;
EXCEPTION WHEN OTHERS THEN
    NULL;
END
$$;

-- What this transaction did to these commands: the sends and retries, or the cancels. False where there is no such table.
CREATE OR REPLACE FUNCTION device_console.audit_commands(p_commands TEXT[], p_cancelled BOOLEAN) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $$
DECLARE
    v_tenant TEXT := device_console.own_tenant();
BEGIN
    IF to_regclass('public.audit_log') IS NULL THEN
        RETURN false;
    END IF;
    PERFORM device_console.write_audit(
                v_tenant, 'command_' || a.event, a.action, 'device', c.device_id::text,
                format('%s %s %s to %s', COALESCE(a.by_name, 'somebody'), a.verb, left(c.command_type, 200), c.device_id),
                jsonb_strip_nulls(jsonb_build_object('command_id', c.command_id, 'command_type', left(c.command_type, 200),
                                                     'expires_at', c.expires_at, 'retry_of', r.detail)),
                a.by_name)
    FROM public.device_commands c
    LEFT JOIN LATERAL (
        SELECT j.detail FROM device_console.journal j
        WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'retry_of'
        ORDER BY j.entry_id LIMIT 1) r ON true
    LEFT JOIN LATERAL (
        SELECT j.by_name, j.at FROM device_console.journal j
        WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled'
        ORDER BY j.entry_id LIMIT 1) x ON true
    CROSS JOIN LATERAL (
        SELECT x.by_name, 'cancelled' AS event, 'cancel' AS action, 'cancelled' AS verb
        WHERE p_cancelled AND c.status = 'expired' AND x.at = now()
        UNION ALL
        SELECT c.created_by::text, CASE WHEN r.detail IS NULL THEN 'sent' ELSE 'retried' END,
               CASE WHEN r.detail IS NULL THEN 'send' ELSE 'retry' END,
               CASE WHEN r.detail IS NULL THEN 'sent' ELSE 'sent again' END
        WHERE NOT p_cancelled AND c.created_at > now() - interval '1 second'
          AND EXISTS (SELECT FROM device_console.outbox o
                      WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id AND o.created_at = now())) a
    WHERE c.tenant_id = v_tenant AND c.command_id = ANY (p_commands);
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    PERFORM device_console.audit_refused(v_tenant, SQLERRM);
    RETURN true;
END
$$;

-- The same for a batch: that it was begun, or that it was stopped, in this transaction.
CREATE OR REPLACE FUNCTION device_console.audit_batch(p_batch TEXT) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $$
DECLARE
    v_tenant TEXT := device_console.own_tenant();
BEGIN
    IF to_regclass('public.audit_log') IS NULL THEN
        RETURN false;
    END IF;
    PERFORM device_console.write_audit(
                v_tenant, 'command_batch_' || a.event, a.action, 'command_batch', b.batch_id,
                format('%s %s %s to %s devices', COALESCE(a.by_name, 'somebody'), a.verb, left(b.command_type, 200), b.wanted),
                jsonb_strip_nulls(jsonb_build_object('batch_id', b.batch_id, 'command_type', left(b.command_type, 200),
                                                     'devices', b.wanted, 'target', b.target, 'retry_of', b.retry_of)),
                a.by_name)
    FROM device_console.batches b
    CROSS JOIN LATERAL (
        SELECT b.stopped_by AS by_name, 'stopped' AS event, 'cancel' AS action, 'stopped' AS verb
        WHERE b.stopped_at = now()
        UNION ALL
        SELECT b.created_by, 'retried', 'retry', 'sent again'
        WHERE b.stopped_at IS NULL AND b.created_at = now() AND b.retry_of IS NOT NULL
        UNION ALL
        SELECT b.created_by, 'sent', 'send', 'sent'
        WHERE b.stopped_at IS NULL AND b.created_at = now() AND b.retry_of IS NULL) a
    WHERE b.tenant_id = v_tenant AND b.batch_id = p_batch;
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    PERFORM device_console.audit_refused(v_tenant, SQLERRM);
    RETURN true;
END
$$;

-- What the table would say against a row now: '' when nothing, null where there is no such table. Nothing of it stays.
CREATE OR REPLACE FUNCTION device_console.audit_fault() RETURNS TEXT
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $$
BEGIN
    IF to_regclass('public.audit_log') IS NULL THEN
        RETURN NULL;
    END IF;
    BEGIN
        PERFORM device_console.write_audit(
            device_console.own_tenant(), 'command_sent', 'send', 'device', 'a trial', 'a trial', '{}', 'a trial');
        RAISE EXCEPTION USING ERRCODE = 'DCA01';
    EXCEPTION
        WHEN SQLSTATE 'DCA01' THEN
            RETURN '';
        WHEN OTHERS THEN
            RETURN left(SQLERRM, 400);
    END;
END
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.write_audit, device_console.audit_refused, device_console.audit_commands,
        device_console.audit_batch, device_console.audit_fault FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.audit_commands, device_console.audit_batch, device_console.audit_fault TO %I', operator_role);
    END IF;
END
$$;
