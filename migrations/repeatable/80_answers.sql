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

-- Lock a command and return where its row lies, null where there is none. Without waiting where p_may_wait is not set: DCW01 then says that
-- somebody has it. The row is the first one from its key on: only the primary key gives that order, however small the table was when this
-- was planned. An equality would let any other index with both columns look as good on an empty table.
CREATE OR REPLACE FUNCTION device_console.lock_command(p_tenant TEXT, p_command TEXT, p_may_wait BOOLEAN) RETURNS TID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off  -- all of them as for `acknowledge`
AS $$
DECLARE
    v_row RECORD;
BEGIN
    LOOP  -- until the newest version of the row is ours
        SELECT c.ctid AS place, c.tenant_id = p_tenant AND c.command_id = p_command AS is_it INTO v_row
        FROM public.device_commands c
        WHERE (c.tenant_id, c.command_id) >= (p_tenant, p_command)
        ORDER BY c.tenant_id, c.command_id LIMIT 1;
        IF NOT COALESCE(v_row.is_it, false) THEN
            RETURN NULL;
        END IF;
        IF p_may_wait THEN
            PERFORM FROM public.device_commands c WHERE c.ctid = v_row.place FOR UPDATE;
        ELSE
            PERFORM FROM public.device_commands c WHERE c.ctid = v_row.place FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'a command of this batch is locked' USING ERRCODE = 'DCW01';
            END IF;
        END IF;
        IF FOUND THEN
            RETURN v_row.place;
        END IF;
    END LOOP;
END
$$;

-- Lock the commands of a whole batch in primary-key order, where more than one statement of it takes them.
CREATE OR REPLACE FUNCTION device_console.lock_commands(p_tenants TEXT[], p_commands TEXT[]) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM device_console.lock_command(i.tenant_id, i.command_id, true)
    FROM (SELECT DISTINCT u.tenant_id, u.command_id FROM unnest(p_tenants, p_commands) AS u(tenant_id, command_id)
          ORDER BY 1, 2) i;
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
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off  -- all of them as for `acknowledge`
AS $$
#variable_conflict use_column
DECLARE
    v_outcomes TEXT[];
BEGIN
    PERFORM device_console.lock_commands(p_tenants, p_commands);

    WITH verdicts AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.command_id, i.ack, c.place,
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
        LEFT JOIN LATERAL (
            SELECT r.ctid AS place, r.* FROM public.device_commands r
            WHERE (r.tenant_id, r.command_id) >= (i.tenant_id, i.command_id)
            ORDER BY r.tenant_id, r.command_id LIMIT 1
        ) c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ), proven AS (
        UPDATE public.device_commands c
        SET published_at = clock_timestamp()
        FROM (SELECT DISTINCT v.place FROM verdicts v WHERE v.outcome IN ('progress', 'late progress')) v
        WHERE c.ctid = v.place
          AND c.status || '' = 'queued' AND c.acked_at IS NULL AND c.published_at IS NULL
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

-- What an answer does to a command: 'win', 'heal' (it is answered, and another program called it something else), or nothing, and why.
CREATE OR REPLACE FUNCTION device_console.answer_effect(
    p_is_addressed BOOLEAN, p_status TEXT, p_acked_at TIMESTAMPTZ, p_expires_at TIMESTAMPTZ, p_accept_late BOOLEAN, p_now TIMESTAMPTZ
) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN NOT p_is_addressed THEN 'forged'
    WHEN p_acked_at IS NOT NULL AND p_status IN ('queued', 'missed', 'expired') THEN 'heal'
    WHEN p_acked_at IS NOT NULL OR p_status = 'delivered' THEN 'answered'
    WHEN NOT p_accept_late AND (p_expires_at < p_now OR p_status IN ('missed', 'expired')) THEN 'record'
    WHEN p_status IN ('queued', 'missed', 'expired') THEN 'win'
    ELSE 'neither' END;

-- The answers of a batch that did not simply win a queued command: late ones, copies, conflicts, forged and unknown ones. One a turn, in
-- the order of the key, each judged under its row's lock where it changes something. The first one of the addressed device wins; everything
-- else is classified and becomes a problem or an entry. Where the transaction holds rows already, it must not wait for one that may come
-- before them in that order: DCW01 asks for all of them to be locked first.
CREATE OR REPLACE FUNCTION device_console.acknowledge_rest(
    p_left BOOLEAN[], p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[], p_accept_late BOOLEAN,
    p_now TIMESTAMPTZ, p_may_wait BOOLEAN
) RETURNS TABLE (n INTEGER, outcome TEXT)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_became  "char"[] := array_fill(' '::"char", ARRAY[cardinality(p_left)]);  -- a: acked, l: late, r: recorded, c: conflict
    v_tenant  TEXT;
    v_command TEXT;
    v_first   JSONB;  -- of the addressed device, to this command, in this batch
    v_at      TIMESTAMPTZ;
    v_locked  BOOLEAN;
    v_row     RECORD;
    r         RECORD;
BEGIN
    FOR r IN
        SELECT u.n::integer AS n, u.tenant_id, u.device_id, u.command_id, u.ack::jsonb AS ack
        FROM unnest(p_tenants, p_devices, p_commands, p_acks) WITH ORDINALITY AS u(tenant_id, device_id, command_id, ack, n)
        WHERE p_left[u.n]
        ORDER BY u.tenant_id, u.command_id, u.n
    LOOP
        n := r.n;
        IF r.command_id IS DISTINCT FROM v_command OR r.tenant_id IS DISTINCT FROM v_tenant THEN
            v_tenant := r.tenant_id;
            v_command := r.command_id;
            v_first := NULL;
        END IF;
        v_locked := false;
        LOOP
            SELECT CASE WHEN c.tenant_id = r.tenant_id AND c.command_id = r.command_id THEN device_console.answer_effect(
                       c.device_id = r.device_id, c.status, c.acked_at, c.expires_at, p_accept_late, p_now) END AS effect,
                   c.ctid AS place, c.status, c.expires_at, c.ack_details,
                   c.acked_at IS NOT NULL OR c.status = 'delivered' AS is_answered
            INTO v_row
            FROM public.device_commands c
            WHERE (c.tenant_id, c.command_id) >= (r.tenant_id, r.command_id)  -- see `lock_command`
            ORDER BY c.tenant_id, c.command_id LIMIT 1;
            EXIT WHEN v_locked OR NOT COALESCE(v_row.effect IN ('win', 'heal'), false);
            PERFORM device_console.lock_command(r.tenant_id, r.command_id, p_may_wait);
            v_locked := true;
        END LOOP;

        IF v_row.effect IS NULL THEN
            outcome := 'unknown';
        ELSIF v_row.effect = 'forged' THEN
            outcome := 'forged';
        ELSIF v_row.effect = 'win' THEN
            v_at := clock_timestamp();
            UPDATE public.device_commands c
            SET status = 'delivered', acked_at = v_at, ack_details = r.ack,
                published_at = COALESCE(c.published_at, v_at)  -- one instant for both: equality marks it as inferred
            WHERE c.ctid = v_row.place;
            IF v_row.expires_at < v_at OR v_row.status IN ('missed', 'expired') THEN
                outcome := 'late';
                v_became[n] := 'l';
            ELSE
                outcome := 'acked';
                v_became[n] := 'a';
            END IF;
        ELSIF v_row.effect = 'record' THEN
            outcome := 'late recorded';
            IF v_first IS NULL THEN
                v_became[n] := 'r';
            END IF;
        ELSE
            IF v_row.effect = 'heal' THEN
                UPDATE public.device_commands c
                SET status = 'delivered', published_at = COALESCE(c.published_at, c.acked_at)
                WHERE c.ctid = v_row.place;
            END IF;
            IF r.ack = COALESCE(CASE WHEN v_row.is_answered THEN device_console.plain_answer(v_row.ack_details) END, v_first, r.ack) THEN
                outcome := 'duplicate';
            ELSE
                outcome := 'conflict';
                v_became[n] := 'c';
            END IF;
        END IF;
        IF v_row.effect <> 'forged' THEN
            v_first := COALESCE(v_first, r.ack);
        END IF;
        IF outcome <> 'acked' THEN
            RETURN NEXT;
        END IF;
    END LOOP;

    IF v_became && '{a,l}'::"char"[] THEN
        INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)
        SELECT u.tenant_id, CASE v_became[u.n] WHEN 'l' THEN 'late' ELSE 'acked' END, clock_timestamp(), array_agg(u.command_id)
        FROM unnest(p_tenants, p_commands) WITH ORDINALITY AS u(tenant_id, command_id, n)
        WHERE v_became[u.n] IN ('a', 'l')
        GROUP BY 1, 2;
    END IF;
    IF v_became && '{c,r}'::"char"[] THEN
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT u.tenant_id, u.command_id, u.kind, u.detail
        FROM (SELECT i.n, i.tenant_id, i.command_id, left(i.ack, 4000) AS detail,
                     CASE v_became[i.n] WHEN 'c' THEN 'conflict' ELSE 'late_ack' END AS kind
              FROM unnest(p_tenants, p_commands, p_acks) WITH ORDINALITY AS i(tenant_id, command_id, ack, n)
              WHERE v_became[i.n] IN ('c', 'r')) u
        WHERE NOT EXISTS (SELECT FROM device_console.journal j
                          WHERE j.tenant_id = u.tenant_id AND j.command_id = u.command_id AND j.kind = u.kind
                            AND (u.kind = 'late_ack' OR j.detail = u.detail))
        GROUP BY 1, 2, 3, 4
        ORDER BY min(u.n);
    END IF;
    IF 'c' = ANY (v_became) THEN
        PERFORM device_console.keep_newest(p_tenants, p_commands, 'conflict');
    END IF;
END
$$;

-- Decided in docs/decisions/0055-answers-row-by-row-where-they-must-be.md
-- One batch of acknowledgements. A row comes back only for what is not plainly 'acked'. One guarded UPDATE takes what is usual, the first
-- answers of the addressed devices to queued commands; what it leaves is judged one by one. Copies need no step of their own: the
-- first in the order of key and place updates the row, the others find it answered. A row that is answered and called something else by
-- another program is called delivered again; its acked_at never moves.
-- The settings pin the one good plan, input sorted -> nested loop -> primary key -> the row's place: rows are locked in the order of the
-- key, and a plan that was made while the table was small does no harm later. The columns with || '' are for no index.
CREATE OR REPLACE FUNCTION device_console.acknowledge(
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[], p_accept_late BOOLEAN
) RETURNS TABLE (n INTEGER, outcome TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off  -- costs of what is switched off are enormous, and would have every plan compiled
AS $$
#variable_conflict use_column
DECLARE
    v_now  TIMESTAMPTZ := clock_timestamp();
    v_won  INTEGER[];
    v_late INTEGER[];
    v_left BOOLEAN[];
    v_one  INTEGER;
BEGIN
    WITH won AS (
        UPDATE public.device_commands c
        SET status = 'delivered', ack_details = i.ack::jsonb,
            acked_at = CASE WHEN c.published_at >= v_now THEN clock_timestamp() ELSE v_now END,  -- published while we waited
            published_at = COALESCE(c.published_at, v_now)  -- one instant for both: equality marks it as inferred
        FROM (SELECT u.* FROM unnest(p_tenants, p_devices, p_commands, p_acks)
                              WITH ORDINALITY AS u(tenant_id, device_id, command_id, ack, n)
              ORDER BY u.tenant_id, u.command_id, u.n) i
        CROSS JOIN LATERAL (
            SELECT k.ctid AS place, k.tenant_id, k.command_id FROM public.device_commands k
            WHERE (k.tenant_id, k.command_id) >= (i.tenant_id, i.command_id)  -- see `lock_command`
            ORDER BY k.tenant_id, k.command_id LIMIT 1
        ) k
        WHERE k.tenant_id = i.tenant_id AND k.command_id = i.command_id AND c.ctid = k.place
          AND c.device_id || '' = i.device_id
          AND c.status || '' = 'queued' AND c.acked_at IS NULL AND (p_accept_late OR c.expires_at >= v_now)
        RETURNING i.n::integer AS n, i.tenant_id, i.command_id, c.expires_at < c.acked_at AS is_late
    ), noted AS (
        INSERT INTO device_console.ended_events (tenant_id, outcome, ended_at, command_ids)
        SELECT w.tenant_id, CASE WHEN w.is_late THEN 'late' ELSE 'acked' END, v_now, array_agg(w.command_id)
        FROM won w GROUP BY 1, 2
    )
    SELECT array_agg(w.n), array_agg(w.n) FILTER (WHERE w.is_late) INTO v_won, v_late FROM won w;

    IF v_late IS NOT NULL THEN
        RETURN QUERY SELECT l.n, 'late' FROM unnest(v_late) AS l(n);
    END IF;
    IF COALESCE(cardinality(v_won), 0) < cardinality(p_commands) THEN
        v_left := array_fill(true, ARRAY[cardinality(p_commands)]);
        FOREACH v_one IN ARRAY COALESCE(v_won, '{}') LOOP
            v_left[v_one] := false;
        END LOOP;
        RETURN QUERY SELECT r.n, r.outcome FROM device_console.acknowledge_rest(
            v_left, p_tenants, p_devices, p_commands, p_acks, p_accept_late, v_now, cardinality(p_commands) = 1) r;
    END IF;
    PERFORM device_console.announce(p_tenants);
END
$$;

-- The same for the holder of a lease, in one statement that is a transaction: waits for locks for p_patience at most, and refuses (55P03)
-- where an earlier answer to one of the commands is kept.
CREATE OR REPLACE FUNCTION device_console.acknowledge_fenced(
    p_token BIGINT, p_patience TEXT,
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[], p_accept_late BOOLEAN
) RETURNS TABLE (n INTEGER, outcome TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('lock_timeout', p_patience, true);
    IF device_console.fence_answers(p_token) AND device_console.has_kept(p_tenants, p_commands) THEN
        RAISE EXCEPTION 'an earlier answer to one of the commands is kept' USING ERRCODE = 'lock_not_available';
    END IF;
    RETURN QUERY SELECT a.n, a.outcome FROM device_console.acknowledge(p_tenants, p_devices, p_commands, p_acks, p_accept_late) a;
END
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.fence_answers, device_console.has_kept, device_console.lock_command, device_console.lock_commands,
        device_console.keep_locked, device_console.kept, device_console.forget_kept,
        device_console.keep_newest, device_console.progressed, device_console.answer_effect, device_console.acknowledge_rest,
        device_console.acknowledge, device_console.acknowledge_fenced FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.fence_answers, device_console.has_kept, device_console.lock_commands, '
                   'device_console.keep_locked, device_console.kept, device_console.forget_kept, '
                   'device_console.progressed, device_console.acknowledge, device_console.acknowledge_fenced TO %I', current_setting('device_console.worker_role'));
END
$$;
