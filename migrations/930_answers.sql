-- Migration 930: what counts as answered, words of progress, and later answers that differ.
-- acked_at set counts as answered, whatever the status says: another program may write 'queued' back after the answer.

ALTER TABLE device_console.journal DROP CONSTRAINT journal_kind_check;
ALTER TABLE device_console.journal ADD CONSTRAINT journal_kind_check CHECK (kind IN
    ('cancelled', 'retry_of', 'attempt', 'nobody_listens', 'late_ack', 'unsent', 'adopted', 'progress', 'conflict'));

CREATE INDEX journal_progress ON device_console.journal (tenant_id, entry_id) WHERE kind = 'progress';

-- Tell the processes that listen which tenants changed; a database may have a way of its own to do so.
DO $do$
BEGIN
    IF to_regprocedure('device_console.announce(text[])') IS NULL THEN
        CREATE FUNCTION device_console.announce(p_tenants TEXT[]) RETURNS VOID
        LANGUAGE sql
        SET search_path = pg_catalog, pg_temp
        AS $$
            SELECT pg_notify('device_console', t.tenant_id)
            FROM (SELECT DISTINCT unnest(p_tenants) AS tenant_id) t
            WHERE device_console.id_is_routable(t.tenant_id)
        $$;
        REVOKE ALL ON FUNCTION device_console.announce FROM PUBLIC;
    END IF;
END
$do$;

-- An answer as this console stores it, also when another program has stored it as it came: for comparing.
CREATE FUNCTION device_console.plain_answer(answer JSONB) RETURNS JSONB
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(answer) = 'object' THEN jsonb_build_object(
    'status', CASE COALESCE(jsonb_typeof(answer -> 'status'), 'null')
        WHEN 'null' THEN jsonb '"ok"'
        WHEN 'string' THEN answer -> 'status'
        ELSE to_jsonb((answer -> 'status')::text) END,
    'details', CASE COALESCE(jsonb_typeof(answer -> 'details'), 'null')
        WHEN 'null' THEN jsonb 'null'
        WHEN 'object' THEN answer -> 'details'
        ELSE jsonb_build_object('value', answer -> 'details') END)
    ELSE answer END;

-- Words of progress: kept in the journal, the newest 20 a command; they prove the publication and change nothing else.
-- Called before `acknowledge` in the same transaction. What comes after the end of a command is only told.
CREATE FUNCTION device_console.progressed(
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[]
) RETURNS TABLE (n INTEGER, outcome TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_outcomes TEXT[];
BEGIN
    PERFORM FROM public.device_commands c
    JOIN (SELECT DISTINCT i.tenant_id, i.command_id
          FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)) i
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

    WITH verdicts AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.command_id, i.ack,
               CASE
                   WHEN c.command_id IS NULL THEN 'unknown'
                   WHEN c.device_id <> i.device_id THEN 'forged'
                   WHEN c.status NOT IN ('queued', 'missed', 'expired') OR c.acked_at IS NOT NULL
                       THEN 'progress after the end'
                   WHEN c.status <> 'queued' OR c.expires_at < clock_timestamp() THEN 'late progress'
                   ELSE 'progress'
               END AS outcome
        FROM unnest(p_tenants, p_devices, p_commands, p_acks)
             WITH ORDINALITY AS i(tenant_id, device_id, command_id, ack, n)
        LEFT JOIN public.device_commands c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ), proven AS (
        UPDATE public.device_commands c
        SET published_at = clock_timestamp()
        FROM (SELECT DISTINCT v.tenant_id, v.command_id FROM verdicts v
              WHERE v.outcome IN ('progress', 'late progress')) v
        WHERE c.tenant_id = v.tenant_id AND c.command_id = v.command_id
          AND c.status = 'queued' AND c.acked_at IS NULL AND c.published_at IS NULL
    ), kept AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT v.tenant_id, v.command_id, 'progress', left(v.ack, 4000)
        FROM verdicts v WHERE v.outcome IN ('progress', 'late progress')
        ORDER BY v.n
    )
    SELECT array_agg(v.outcome ORDER BY v.n) INTO v_outcomes FROM verdicts v;

    PERFORM device_console.keep_newest(p_tenants, p_commands, 'progress');
    PERFORM device_console.announce(p_tenants);
    RETURN QUERY SELECT o.n::integer, o.outcome FROM unnest(v_outcomes) WITH ORDINALITY AS o(outcome, n);
END
$$;

-- Of one kind of entry, the newest 20 of each of these commands stay: a device cannot fill the journal.
CREATE FUNCTION device_console.keep_newest(p_tenants TEXT[], p_commands TEXT[], p_kind TEXT) RETURNS VOID
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM device_console.journal j
    USING (SELECT DISTINCT i.tenant_id, i.command_id
           FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)) i
    WHERE j.tenant_id = i.tenant_id AND j.command_id = i.command_id AND j.kind = p_kind
      AND j.entry_id < (SELECT k.entry_id FROM device_console.journal k
                        WHERE k.tenant_id = i.tenant_id AND k.command_id = i.command_id AND k.kind = p_kind
                        ORDER BY k.entry_id DESC OFFSET 19 LIMIT 1)
$$;

-- One batch of acknowledgements. Rows are locked in primary-key order; the first ACK of the addressed
-- device wins; everything else is classified and becomes a problem, never a change. A row that is answered and called
-- something else by another program is called delivered again; its acked_at never moves.
CREATE OR REPLACE FUNCTION device_console.acknowledge(
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[], p_accept_late BOOLEAN
) RETURNS TABLE (n INTEGER, outcome TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_outcomes TEXT[];
    v_now TIMESTAMPTZ;
BEGIN
    PERFORM FROM public.device_commands c
    JOIN (SELECT DISTINCT i.tenant_id, i.command_id
          FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)) i
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

    -- one instant for both columns: equality is what marks a publication as inferred
    v_now := clock_timestamp();
    WITH input AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack::jsonb AS ack, i.ack AS ack_text
        FROM unnest(p_tenants, p_devices, p_commands, p_acks)
             WITH ORDINALITY AS i(tenant_id, device_id, command_id, ack, n)
    ), firsts AS MATERIALIZED (
        -- the device belongs to the key: on two columns a forged ACK would suppress the real one
        SELECT DISTINCT ON (i.tenant_id, i.command_id, i.device_id) i.*
        FROM input i ORDER BY i.tenant_id, i.command_id, i.device_id, i.n
    ), before AS MATERIALIZED (
        SELECT f.n, f.tenant_id, f.command_id, f.ack, c.status, c.ack_details,
               c.status = 'delivered' OR c.acked_at IS NOT NULL AS is_answered,
               (c.expires_at < v_now OR c.status IN ('missed', 'expired')) AS is_late
        FROM firsts f
        JOIN public.device_commands c ON c.tenant_id = f.tenant_id AND c.command_id = f.command_id
                                     AND c.device_id = f.device_id
    ), won AS (
        UPDATE public.device_commands c
        SET status = 'delivered', acked_at = v_now, ack_details = b.ack,
            published_at = COALESCE(c.published_at, v_now)
        FROM before b
        WHERE c.tenant_id = b.tenant_id AND c.command_id = b.command_id
          AND c.status IN ('queued', 'missed', 'expired') AND NOT b.is_answered
          AND (p_accept_late OR NOT b.is_late)
        RETURNING b.n, b.is_late
    ), healed AS (
        UPDATE public.device_commands c
        SET status = 'delivered', published_at = COALESCE(c.published_at, c.acked_at)
        FROM before b
        WHERE c.tenant_id = b.tenant_id AND c.command_id = b.command_id
          AND b.is_answered AND c.status IN ('queued', 'missed', 'expired')
    ), verdicts AS (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack_text,
               CASE
                   WHEN c.command_id IS NULL THEN 'unknown'
                   WHEN c.device_id <> i.device_id THEN 'forged'
                   WHEN w.n IS NOT NULL AND w.is_late THEN 'late'
                   WHEN w.n IS NOT NULL THEN 'acked'
                   WHEN NOT b.is_answered AND b.is_late AND NOT p_accept_late THEN 'late recorded'
                   WHEN i.ack = COALESCE(
                       CASE WHEN b.is_answered THEN device_console.plain_answer(b.ack_details) END, b.ack)
                       THEN 'duplicate'
                   ELSE 'conflict'
               END AS outcome
        FROM input i
        LEFT JOIN public.device_commands c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        LEFT JOIN firsts f ON f.tenant_id = i.tenant_id AND f.command_id = i.command_id
                          AND f.device_id = i.device_id
        LEFT JOIN before b ON b.n = f.n
        LEFT JOIN won w ON w.n = i.n
    ), recorded AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT v.tenant_id, v.command_id, CASE v.outcome WHEN 'conflict' THEN 'conflict' ELSE 'late_ack' END,
               left(v.ack_text, 4000)
        FROM verdicts v LEFT JOIN firsts f ON f.n = v.n
        WHERE v.outcome = 'conflict'
              AND NOT EXISTS (SELECT FROM device_console.journal j
                              WHERE j.tenant_id = v.tenant_id AND j.command_id = v.command_id
                                AND j.kind = 'conflict' AND j.detail = left(v.ack_text, 4000))
           OR v.outcome = 'late recorded' AND f.n IS NOT NULL
              AND NOT EXISTS (SELECT FROM device_console.journal j
                              WHERE j.tenant_id = v.tenant_id AND j.command_id = v.command_id
                                AND j.kind = 'late_ack')
        GROUP BY 1, 2, 3, 4
        ORDER BY min(v.n)
    )
    SELECT array_agg(v.outcome ORDER BY v.n) INTO v_outcomes FROM verdicts v;

    IF 'conflict' = ANY (v_outcomes) THEN
        PERFORM device_console.keep_newest(p_tenants, p_commands, 'conflict');
    END IF;
    PERFORM device_console.announce(p_tenants);
    RETURN QUERY SELECT o.n::integer, o.outcome FROM unnest(v_outcomes) WITH ORDINALITY AS o(outcome, n);
END
$$;

-- One reading of a command. `progress` is the newest word of progress, `later` the newest answer that differs from the
-- one that counts, or came when none counted any more: both as the journal has them, read only where they are asked for.
CREATE OR REPLACE VIEW device_console.command_view WITH (security_invoker = true) AS
SELECT c.tenant_id, c.command_id, c.device_id, c.command_type, c.status,
       c.created_at, c.expires_at, c.created_by, c.published_at, c.acked_at,
       c.ack_details ->> 'status' AS ack_status,
       c.command_params, c.ack_details,
       x.at AS cancelled_at, x.by_name AS cancelled_by,
       COALESCE(o.attempt, 0) AS attempts, o.last_error,
       CASE
           WHEN c.status = 'delivered' OR c.acked_at IS NOT NULL AND c.status IN ('queued', 'missed', 'expired')
               THEN CASE WHEN COALESCE(c.ack_details ->> 'status', 'ok')
                              IN ('ok', 'success', 'succeeded', 'done', 'completed') THEN 'ok' ELSE 'failed' END
           WHEN c.status = 'queued' AND c.published_at IS NULL THEN 'waiting'
           WHEN c.status = 'queued' AND EXISTS (
               SELECT FROM device_console.journal j
               WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'progress')
               THEN 'in progress'
           WHEN c.status = 'queued' THEN 'published'
           WHEN c.status = 'expired' AND x.at IS NOT NULL THEN 'cancelled'
           WHEN c.status IN ('missed', 'expired') THEN c.status
           ELSE 'unknown'
       END AS phase,
       CASE WHEN c.status <> 'delivered' THEN (
           SELECT COALESCE(j.detail, '') FROM device_console.journal j
           WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'progress'
           ORDER BY j.entry_id DESC LIMIT 1) END AS progress,
       CASE WHEN c.status <> 'queued' OR c.acked_at IS NOT NULL OR c.expires_at < now() THEN (
           SELECT j.detail FROM device_console.journal j
           WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind IN ('conflict', 'late_ack')
           ORDER BY j.entry_id DESC LIMIT 1) END AS later,
       o.command_id IS NOT NULL AS in_outbox
FROM public.device_commands c
LEFT JOIN LATERAL (
    SELECT j.at, j.by_name FROM device_console.journal j
    WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled'
    ORDER BY j.entry_id LIMIT 1
) x ON c.status IN ('expired', 'delivered') OR c.acked_at IS NOT NULL
LEFT JOIN device_console.outbox o
       ON c.status = 'queued' AND o.tenant_id = c.tenant_id AND o.command_id = c.command_id;

REVOKE ALL ON FUNCTION device_console.plain_answer, device_console.progressed, device_console.keep_newest FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.progressed TO %I',
                   current_setting('device_console.worker_role'));
END
$$;
