-- What devices say: answers, words of progress, and answers kept for commands that somebody has locked.

-- The first statement of each batch of answers: as `fence`, and whether any answer is kept at this moment.
CREATE OR REPLACE FUNCTION device_console.fence_answers(p_token BIGINT) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_token IS NOT NULL THEN
        PERFORM device_console.fence(p_token);
    END IF;
    RETURN EXISTS (SELECT FROM device_console.kept_answers);
END
$$;

-- Whether answers to one of these commands are kept: a later one has to wait behind them.
CREATE OR REPLACE FUNCTION device_console.has_kept(p_tenants TEXT[], p_commands TEXT[]) RETURNS BOOLEAN
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM device_console.kept_answers k
        JOIN unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
          ON k.tenant_id = i.tenant_id AND k.command_id = i.command_id)
$$;

-- Lock the commands of a whole batch in primary-key order, where more than one statement of it takes them.
CREATE OR REPLACE FUNCTION device_console.lock_commands(p_tenants TEXT[], p_commands TEXT[]) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM public.device_commands c
    JOIN (SELECT DISTINCT i.tenant_id, i.command_id
          FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)) i
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;
END
$$;

-- Keep those answers whose command another session has locked, or that others are kept for already; by their place in the list. A
-- hundred for one command are enough.
CREATE OR REPLACE FUNCTION device_console.keep_locked(
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[]
) RETURNS TABLE (n INTEGER)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH input AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack
        FROM unnest(p_tenants, p_devices, p_commands, p_acks)
             WITH ORDINALITY AS i(tenant_id, device_id, command_id, ack, n)
    ), free AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id FROM public.device_commands c
        JOIN (SELECT DISTINCT i.tenant_id, i.command_id FROM input i) i
          ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        ORDER BY c.tenant_id, c.command_id
        FOR UPDATE OF c SKIP LOCKED
    ), locked AS MATERIALIZED (
        SELECT i.*, (SELECT count(*) FROM device_console.kept_answers k
                     WHERE k.tenant_id = i.tenant_id AND k.command_id = i.command_id) AS already
        FROM input i
        JOIN public.device_commands c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        WHERE NOT EXISTS (SELECT FROM free f WHERE f.tenant_id = i.tenant_id AND f.command_id = i.command_id)
           OR EXISTS (SELECT FROM device_console.kept_answers k
                      WHERE k.tenant_id = i.tenant_id AND k.command_id = i.command_id)
    ), added AS (
        INSERT INTO device_console.kept_answers (tenant_id, device_id, command_id, ack)
        SELECT l.tenant_id, l.device_id, l.command_id, l.ack FROM locked l WHERE l.already < 100 ORDER BY l.n
    ), told AS (
        SELECT device_console.record_problems(
            array_agg(l.tenant_id), array_agg('conflicting ack'::text), array_agg(l.device_id), array_agg(l.command_id),
            array_agg('more than a hundred answers came while another session had the command locked'::text))
        FROM locked l WHERE l.already >= 100
    )
    SELECT l.n::integer FROM locked l LEFT JOIN told ON true ORDER BY l.n
$$;

-- The oldest kept answers whose commands nobody has locked now.
CREATE OR REPLACE FUNCTION device_console.kept(p_limit INTEGER)
RETURNS TABLE (answer_id BIGINT, tenant_id TEXT, device_id TEXT, command_id TEXT, ack TEXT)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH free AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id FROM public.device_commands c
        JOIN (SELECT DISTINCT k.tenant_id, k.command_id FROM device_console.kept_answers k) k
          ON c.tenant_id = k.tenant_id AND c.command_id = k.command_id
        FOR UPDATE OF c SKIP LOCKED
    )
    SELECT k.answer_id, k.tenant_id, k.device_id, k.command_id, k.ack
    FROM device_console.kept_answers k
    WHERE EXISTS (SELECT FROM free f WHERE f.tenant_id = k.tenant_id AND f.command_id = k.command_id)
       OR NOT EXISTS (SELECT FROM public.device_commands c
                      WHERE c.tenant_id = k.tenant_id AND c.command_id = k.command_id)
    ORDER BY k.answer_id
    LIMIT p_limit
$$;

-- They were taken.
CREATE OR REPLACE FUNCTION device_console.forget_kept(p_answers BIGINT[]) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM device_console.kept_answers k WHERE k.answer_id = ANY (p_answers)
$$;

-- Of one kind of entry, the newest 20 of each of these commands stay: a device cannot fill the journal.
CREATE OR REPLACE FUNCTION device_console.keep_newest(p_tenants TEXT[], p_commands TEXT[], p_kind TEXT) RETURNS VOID
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

-- Words of progress: kept in the journal, the newest 20 a command; they prove the publication and change nothing else.
-- Called before `acknowledge` in the same transaction. What comes after the end of a command is only told.
CREATE OR REPLACE FUNCTION device_console.progressed(
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

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.fence_answers, device_console.has_kept, device_console.lock_commands,
        device_console.keep_locked, device_console.kept, device_console.forget_kept,
        device_console.keep_newest, device_console.progressed, device_console.acknowledge FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.fence_answers, device_console.has_kept, device_console.lock_commands, '
                   'device_console.keep_locked, device_console.kept, device_console.forget_kept, '
                   'device_console.progressed, device_console.acknowledge TO %I', current_setting('device_console.worker_role'));
END
$$;
