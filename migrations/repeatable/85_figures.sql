-- Figures of what ended and was sent: events become counts, each event once.
-- Decided in docs/decisions/0083-figures-are-folded.md

-- The place in a histogram of an answer that took so many milliseconds, from 0. As `bucket_of` of the program has it.
CREATE OR REPLACE FUNCTION device_console.latency_bucket(p_ms DOUBLE PRECISION) RETURNS INTEGER
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN LEAST(ceil(4 * ln(GREATEST(p_ms, 1)) / ln(2::double precision) - 1e-9), 127)::integer;

-- A histogram of these places.
CREATE OR REPLACE FUNCTION device_console.tally(p_buckets INTEGER[]) RETURNS INTEGER[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    v_counts INTEGER[] := array_fill(0, ARRAY[128]);
    v_most   INTEGER := -1;
    v_bucket INTEGER;
BEGIN
    FOREACH v_bucket IN ARRAY COALESCE(p_buckets, '{}') LOOP
        v_counts[v_bucket + 1] := v_counts[v_bucket + 1] + 1;
        v_most := GREATEST(v_most, v_bucket);
    END LOOP;
    RETURN v_counts[:v_most + 1];
END
$$;

-- Two lists of counts, place by place.
CREATE OR REPLACE FUNCTION device_console.added(p_one INTEGER[], p_other INTEGER[]) RETURNS INTEGER[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN COALESCE((SELECT array_agg(COALESCE(u.a, 0) + COALESCE(u.b, 0) ORDER BY u.n)
                 FROM unnest(p_one, p_other) WITH ORDINALITY AS u(a, b, n)), '{}');

-- The same of at most 10,000 answers: all counts are halved until they are as few.
CREATE OR REPLACE FUNCTION device_console.faded(p_counts INTEGER[]) RETURNS INTEGER[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    v_counts INTEGER[] := p_counts;
BEGIN
    WHILE (SELECT sum(c) FROM unnest(v_counts) AS c) > 10000 LOOP
        v_counts := ARRAY(SELECT u.c / 2 FROM unnest(v_counts) WITH ORDINALITY AS u(c, n) ORDER BY u.n);
    END LOOP;
    RETURN v_counts[:(SELECT max(u.n) FROM unnest(v_counts) WITH ORDINALITY AS u(c, n) WHERE u.c > 0)];
END
$$;

-- Why an answer is not ok: the first text or number under the keys that devices use, or else its word. As `answer_code` of the program.
CREATE OR REPLACE FUNCTION device_console.answer_reason(p_answer JSONB) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL UNSAFE
RETURN COALESCE((
    SELECT CASE jsonb_typeof(v.value) WHEN 'string' THEN left(v.value #>> '{}', 100) ELSE device_console.json_shown(v.value, 100) END
    FROM unnest(ARRAY['code', 'reason', 'error', 'message']) WITH ORDINALITY AS k(key, n)
    CROSS JOIN LATERAL (SELECT p_answer -> 'details' -> k.key AS value) v
    WHERE jsonb_typeof(v.value) IN ('string', 'number')
    ORDER BY k.n LIMIT 1), left(device_console.ack_word(p_answer), 100), '');

-- Fold these events. The tenants' rows in `folds` are locked first and in order, so that no two folds wait for each other in a ring, and each
-- sees what the other has written. The settings pin the plan as for `acknowledge`: from the ids to the commands by the primary key.
-- Returns the histogram of the answers among them.
DROP FUNCTION IF EXISTS device_console.fold_some(BIGINT[], BIGINT[]);
CREATE OR REPLACE FUNCTION device_console.fold_some(p_ended BIGINT[], p_sent BIGINT[], OUT answered INTEGER[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    v_tenants TEXT[];
    v_added   INTEGER[];
    v_all     INTEGER;
BEGIN
    INSERT INTO device_console.folds AS f (tenant_id, folded_at)
    SELECT t.tenant_id, clock_timestamp()
    FROM (SELECT e.tenant_id FROM device_console.ended_events e WHERE e.event_id = ANY (p_ended)
          UNION SELECT s.tenant_id FROM device_console.sent_events s WHERE s.event_id = ANY (p_sent)) t
    ORDER BY t.tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET folded_at = GREATEST(f.folded_at, excluded.folded_at);

    WITH ids AS MATERIALIZED (
        DELETE FROM device_console.ended_events e WHERE e.event_id = ANY (p_ended)
        RETURNING e.event_id, e.tenant_id, e.outcome, e.ended_at, e.command_ids,
                  date_trunc('minute', e.ended_at, 'UTC') AS minute, date_trunc('hour', e.ended_at, 'UTC') AS hour
    ), ends AS MATERIALIZED (
        SELECT i.event_id, i.tenant_id, i.ended_at, i.minute, i.hour, u.command_id, k.place, c.bucket, k.is_open,
               c.device_id, device_console.short_id(c.command_type) AS command_type,
               COALESCE(r.site_id, '') AS site, device_console.short_id(COALESCE(r.model, '')) AS model,
               COALESCE(r.fw_version, '') AS fw, COALESCE(c.created_by, '') AS sender,
               CASE k.place
                   WHEN 2 THEN device_console.answer_reason(c.ack_details)
                   WHEN 5 THEN COALESCE((SELECT COALESCE(j.blocked_by, j.outcome) FROM device_console.journal j
                                         WHERE j.tenant_id = i.tenant_id AND j.command_id = u.command_id AND j.kind = 'unsent'
                                         ORDER BY j.entry_id DESC LIMIT 1), '')
                   ELSE '' END AS reason
        FROM ids i
        CROSS JOIN LATERAL unnest(i.command_ids) AS u(command_id)
        CROSS JOIN LATERAL (
            SELECT d.tenant_id, d.command_id, d.device_id, d.command_type, d.created_by, d.acked_at, d.ack_details,
                   CASE WHEN d.published_at < d.acked_at AND isfinite(d.published_at) AND isfinite(d.acked_at)
                        THEN device_console.latency_bucket(extract(epoch FROM d.acked_at - d.published_at)::double precision * 1000) END AS bucket
            FROM public.device_commands d
            WHERE (d.tenant_id, d.command_id) >= (i.tenant_id, u.command_id)  -- see `lock_command`
            ORDER BY d.tenant_id, d.command_id LIMIT 1
        ) c
        CROSS JOIN LATERAL (
            SELECT CASE i.outcome
                       WHEN 'missed' THEN 4 WHEN 'expired' THEN 5
                       ELSE CASE WHEN COALESCE(device_console.ack_word(c.ack_details), 'ok')
                                      NOT IN ('ok', 'success', 'succeeded', 'done', 'completed') THEN 2
                                 WHEN i.outcome = 'late' THEN 3 ELSE 1 END END AS place,
                   i.outcome IN ('missed', 'expired') AND c.acked_at IS NULL AS is_open
        ) k
        LEFT JOIN LATERAL (
            SELECT g.site_id::text, g.model::text, g.fw_version::text FROM public.device_registry g
            WHERE g.tenant_id = i.tenant_id AND g.device_id = c.device_id LIMIT 1
        ) r ON true
        WHERE c.tenant_id = i.tenant_id AND c.command_id = u.command_id
    ), sent AS MATERIALIZED (
        DELETE FROM device_console.sent_events s WHERE s.event_id = ANY (p_sent) RETURNING s.tenant_id, s.sent_at, s.sent
    ), minutes AS (
        INSERT INTO device_console.minute_totals AS known (tenant_id, minute, sent, ended, answered)
        SELECT m.tenant_id, m.minute, sum(m.sent),
               ARRAY[count(*) FILTER (WHERE m.place = 1), count(*) FILTER (WHERE m.place = 2), count(*) FILTER (WHERE m.place = 3),
                     count(*) FILTER (WHERE m.place = 4), count(*) FILTER (WHERE m.place = 5)]::integer[],
               device_console.tally(array_agg(m.bucket) FILTER (WHERE m.bucket IS NOT NULL AND m.place <= 3))
        FROM (SELECT e.tenant_id, e.minute, 0 AS sent, e.place, e.bucket FROM ends e
              UNION ALL SELECT s.tenant_id, date_trunc('minute', s.sent_at, 'UTC'), s.sent, NULL, NULL FROM sent s) m
        GROUP BY 1, 2
        ORDER BY 1, 2
        ON CONFLICT (tenant_id, minute) DO UPDATE
        SET sent = known.sent + excluded.sent, ended = device_console.added(known.ended, excluded.ended),
            answered = device_console.added(known.answered, excluded.answered)
    ), grouped AS MATERIALIZED (
        SELECT e.tenant_id, e.hour, g.kind, device_console.short_id(g.name) AS name,
               count(*) FILTER (WHERE e.place = 1) AS ok, count(*) FILTER (WHERE e.place = 2) AS failed,
               count(*) FILTER (WHERE e.place = 3) AS late, count(*) FILTER (WHERE e.place = 4) AS missed,
               count(*) FILTER (WHERE e.place = 5) AS expired
        FROM ends e
        CROSS JOIN LATERAL (VALUES ('site', e.site), ('model', e.model), ('type', e.command_type), ('fw', e.fw),
                                   ('sender', e.sender), ('reason', e.reason)) AS g(kind, name)
        WHERE g.kind <> 'reason' OR e.place IN (2, 4, 5)
        GROUP BY e.tenant_id, e.hour, g.kind, g.name
    ), bounded AS (  -- at most some 500 names of a kind in an hour, whatever devices say
        SELECT n.*, CASE WHEN n.is_known OR n.name = '' THEN n.name
                         WHEN row_number() OVER (PARTITION BY n.tenant_id, n.hour, n.kind, n.is_known ORDER BY n.name)
                              + (SELECT count(*) FROM device_console.hour_groups h
                                 WHERE h.tenant_id = n.tenant_id AND h.hour = n.hour AND h.kind = n.kind) <= 500 THEN n.name
                         ELSE '' END AS counted_as
        FROM (SELECT g.*, (SELECT true FROM device_console.hour_groups h  -- no EXISTS, which might read the whole table once
                           WHERE h.tenant_id = g.tenant_id AND h.hour = g.hour AND h.kind = g.kind AND h.name = g.name) IS NOT NULL AS is_known
              FROM grouped g) n
    ), hours AS (
        INSERT INTO device_console.hour_groups AS known (tenant_id, hour, kind, name, ended)
        SELECT b.tenant_id, b.hour, b.kind, b.counted_as,
               ARRAY[sum(b.ok), sum(b.failed), sum(b.late), sum(b.missed), sum(b.expired)]::integer[]
        FROM bounded b
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, hour, kind, name) DO UPDATE SET ended = device_console.added(known.ended, excluded.ended)
    ), learned AS (
        INSERT INTO device_console.type_latency AS known (tenant_id, command_type, model, answers, counts)
        SELECT l.tenant_id, l.command_type, l.model, (SELECT sum(c) FROM unnest(l.counts) AS c), l.counts
        FROM (SELECT e.tenant_id, e.command_type, e.model, device_console.faded(device_console.tally(array_agg(e.bucket))) AS counts
              FROM ends e WHERE e.bucket IS NOT NULL AND e.place <= 3
              GROUP BY 1, 2, 3) l
        WHERE (SELECT true FROM device_console.type_latency t
               WHERE t.tenant_id = l.tenant_id AND t.command_type = l.command_type AND t.model = l.model) IS NOT NULL
           OR (SELECT count(*) FROM device_console.type_latency t WHERE t.tenant_id = l.tenant_id) < 1000
        ORDER BY 1, 2, 3
        ON CONFLICT (tenant_id, command_type, model) DO UPDATE
        SET (answers, counts) = (SELECT (SELECT sum(c) FROM unnest(f.counts) AS c), f.counts
                                 FROM (SELECT device_console.faded(device_console.added(known.counts, excluded.counts)) AS counts) f)
    ), answered AS (  -- after it was called missed or expired
        DELETE FROM device_console.recent_ends d
        WHERE d.ctid = ANY (ARRAY(
            SELECT o.ctid FROM ends e
            CROSS JOIN LATERAL (
                SELECT q.ctid, q.tenant_id, q.command_id FROM device_console.recent_ends q
                WHERE (q.tenant_id, q.command_id) >= (e.tenant_id, e.command_id)
                ORDER BY q.tenant_id, q.command_id LIMIT 1
            ) o
            WHERE e.place = 3 AND o.tenant_id = e.tenant_id AND o.command_id = e.command_id))
    ), kept AS (
        INSERT INTO device_console.recent_ends AS known (
            tenant_id, command_id, at, outcome, device_id, site, model, fw, command_type, sender, batch_id, reason)
        SELECT DISTINCT ON (b.tenant_id, b.command_id)
               b.tenant_id, b.command_id, b.ended_at, CASE b.place WHEN 2 THEN 'failed' WHEN 4 THEN 'missed' ELSE 'expired' END,
               device_console.short_id(b.device_id), device_console.short_id(b.site), b.model, device_console.short_id(b.fw), b.command_type,
               device_console.short_id(b.sender), m.batch_id, b.reason
        FROM (SELECT e.*, row_number() OVER (PARTITION BY e.event_id) AS n FROM ends e WHERE e.place = 2 OR e.is_open) b
        LEFT JOIN LATERAL (
            SELECT s.tenant_id, s.command_id, device_console.short_id(s.batch_id) AS batch_id FROM device_console.batch_members s
            WHERE (s.tenant_id, s.command_id) >= (b.tenant_id, b.command_id)
            ORDER BY s.tenant_id, s.command_id LIMIT 1
        ) m ON m.tenant_id = b.tenant_id AND m.command_id = b.command_id
        WHERE b.n <= 200
        ORDER BY b.tenant_id, b.command_id, b.ended_at DESC
        ON CONFLICT (tenant_id, command_id) DO UPDATE
        SET at = excluded.at, outcome = excluded.outcome, reason = excluded.reason
        RETURNING known.tenant_id
    )
    SELECT array_agg(k.tenant_id ORDER BY k.tenant_id), array_agg(k.n ORDER BY k.tenant_id),
           (SELECT device_console.tally(array_agg(e.bucket)) FROM ends e WHERE e.bucket IS NOT NULL AND e.place <= 3)
    INTO v_tenants, v_added, answered
    FROM (SELECT kept.tenant_id, count(*)::integer AS n FROM kept GROUP BY 1) k;

    FOR v_one IN 1 .. COALESCE(cardinality(v_tenants), 0) LOOP
        UPDATE device_console.folds f SET added = CASE WHEN f.added + v_added[v_one] > 250 THEN 0 ELSE f.added + v_added[v_one] END
        WHERE f.tenant_id = v_tenants[v_one]
        RETURNING f.added INTO v_all;
        IF v_all = 0 THEN
            DELETE FROM device_console.recent_ends d
            WHERE d.ctid = ANY (ARRAY(SELECT o.ctid FROM device_console.recent_ends o WHERE o.tenant_id = v_tenants[v_one]
                                      ORDER BY o.at DESC OFFSET 5000));
        END IF;
    END LOOP;
END
$$;

-- Fold the oldest events that nobody else folds, of some p_most commands: one with more is folded alone. Say whether none is left,
-- and how long devices took to answer, as a histogram.
-- What an event does to the statement is its own: the others are folded one by one, in the order of the tenants, and a problem says that it is lost.
DROP FUNCTION IF EXISTS device_console.fold(INTEGER);
CREATE OR REPLACE FUNCTION device_console.fold(p_most INTEGER, OUT folded INTEGER, OUT is_over BOOLEAN, OUT answered INTEGER[])
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    v_ended BIGINT[] := '{}';
    v_sent  BIGINT[];
    v_next  REFCURSOR;
    v_event RECORD;
BEGIN
    -- nobody waits for the disk: what a crash of the server takes back is folded again
    PERFORM set_config('synchronous_commit', 'off', true);
    folded := 0;
    is_over := true;
    answered := '{}';
    OPEN v_next FOR SELECT e.event_id, cardinality(e.command_ids) AS commands FROM device_console.ended_events e
                    ORDER BY e.event_id LIMIT p_most FOR UPDATE SKIP LOCKED;
    LOOP  -- one at a time, so that what is not taken is not locked
        FETCH v_next INTO v_event;
        EXIT WHEN NOT FOUND;
        IF folded > 0 AND folded + v_event.commands > p_most THEN
            is_over := false;
            EXIT;
        END IF;
        v_ended := v_ended || v_event.event_id;
        folded := folded + v_event.commands;
        is_over := folded < p_most;
        EXIT WHEN NOT is_over;
    END LOOP;
    CLOSE v_next;
    v_sent := ARRAY(SELECT s.event_id FROM device_console.sent_events s ORDER BY s.event_id LIMIT p_most FOR UPDATE SKIP LOCKED);
    is_over := is_over AND cardinality(v_ended) < p_most AND cardinality(v_sent) < p_most;
    IF v_ended = '{}' AND v_sent = '{}' THEN
        RETURN;
    END IF;
    BEGIN
        answered := device_console.fold_some(v_ended, v_sent);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF device_console.concerns_all(SQLSTATE) OR SQLSTATE = '55P03' THEN
            RAISE;
        END IF;
    END;
    FOR v_event IN
        SELECT e.tenant_id, e.event_id, true AS is_end FROM device_console.ended_events e WHERE e.event_id = ANY (v_ended)
        UNION ALL
        SELECT s.tenant_id, s.event_id, false FROM device_console.sent_events s WHERE s.event_id = ANY (v_sent)
        ORDER BY 1, 2, 3
    LOOP
        BEGIN
            answered := device_console.added(answered, device_console.fold_some(
                CASE WHEN v_event.is_end THEN ARRAY[v_event.event_id] ELSE '{}' END,
                CASE WHEN v_event.is_end THEN '{}' ELSE ARRAY[v_event.event_id] END));
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) OR SQLSTATE = '55P03' THEN
                RAISE;
            END IF;
            PERFORM device_console.record_problems(
                ARRAY[v_event.tenant_id], ARRAY['unroutable'], ARRAY[''], ARRAY[''],
                ARRAY['some commands that ended could not be counted: ' || left(SQLERRM, 500)]);
            DELETE FROM device_console.ended_events e WHERE v_event.is_end AND e.event_id = v_event.event_id;
            DELETE FROM device_console.sent_events s WHERE NOT v_event.is_end AND s.event_id = v_event.event_id;
        END;
    END LOOP;
END
$$;

-- Keep minutes and hours for so long, and of the events of sends that nobody folds the newest p_keep. Returns how many rows went; where
-- it is p_most there may be more. What is being folded at this moment is passed by.
CREATE OR REPLACE FUNCTION device_console.trim_figures(p_minutes INTERVAL, p_hours INTERVAL, p_keep INTEGER, p_most INTEGER) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH minutes AS (
        DELETE FROM device_console.minute_totals m WHERE m.ctid = ANY (ARRAY(
            SELECT o.ctid FROM device_console.folds f JOIN device_console.minute_totals o
              ON o.tenant_id = f.tenant_id AND o.minute < now() - p_minutes
            LIMIT p_most FOR UPDATE OF o SKIP LOCKED)) RETURNING 1
    ), hours AS (
        DELETE FROM device_console.hour_groups h WHERE h.ctid = ANY (ARRAY(
            SELECT o.ctid FROM device_console.folds f JOIN device_console.hour_groups o
              ON o.tenant_id = f.tenant_id AND o.hour < now() - p_hours
            LIMIT p_most FOR UPDATE OF o SKIP LOCKED)) RETURNING 1
    ), sent AS (
        DELETE FROM device_console.sent_events s WHERE s.ctid = ANY (ARRAY(
            SELECT o.ctid FROM device_console.sent_events o
            WHERE o.event_id <= (SELECT k.event_id FROM device_console.sent_events k ORDER BY k.event_id DESC OFFSET p_keep LIMIT 1)
            LIMIT p_most FOR UPDATE OF o SKIP LOCKED)) RETURNING 1
    )
    SELECT GREATEST((SELECT count(*) FROM minutes), (SELECT count(*) FROM hours), (SELECT count(*) FROM sent))::integer
$$;

-- How long the oldest event of the operator's tenant has waited to be folded, in seconds; null where none waits.
CREATE OR REPLACE FUNCTION device_console.unfolded_s() RETURNS DOUBLE PRECISION
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT extract(epoch FROM clock_timestamp() - LEAST(
        (SELECT min(e.ended_at) FROM device_console.ended_events e WHERE e.tenant_id = device_console.own_tenant()),
        (SELECT min(s.sent_at) FROM device_console.sent_events s WHERE s.tenant_id = device_console.own_tenant())))::double precision
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.latency_bucket, device_console.tally, device_console.added, device_console.faded,
        device_console.answer_reason, device_console.fold_some, device_console.fold, device_console.trim_figures,
        device_console.unfolded_s FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.fold, device_console.trim_figures TO %I', current_setting('device_console.worker_role'));
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.unfolded_s TO %I', operator_role);
    END IF;
END
$$;
