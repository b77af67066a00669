-- Decided in docs/decisions/0025-tenants-take-turns.md
-- Decided in docs/decisions/0002-definer-functions-for-workers.md
-- Decided in docs/decisions/0060-chains-and-pinned-plans.md
-- What the dispatcher may do. The worker role has no right on any table, so these run with their owner's.
-- A row is found by its key in a way that fits no other index, because on a table that looks empty every index that begins with the tenant costs
-- the same: of others' tables by a range of one id in its order, where sorting is forbidden, and of the outbox by its command's id alone,
-- with the tenant compared behind it (|| '').

-- Whose turn it is. Each tenant with something due shows a bounded number of rows, those that became due first. Of each of their devices the
-- first rows are looked at, in the order in which they are published: as many open ones as p_chain, up to the first that somebody holds
-- or that has to wait. What is answered, settled, published or overdue holds up nobody, whoever left its row here, and its row has
-- its turn, too: to be cleared away.
-- chain is the place in the device's chain, null for what is to be cleared away; there is how many rows the device has, of those looked at.
-- put_off_s is set for rows that wait for others of their device, where they would hide the tenant's further rows: a second for the first
-- of a device, so that it goes on even if nobody wakes it, and two minutes for those behind it.
-- Rows of two lists are never joined here but laid together and grouped: the claim forbids the joins that would be quick for that.
-- Nor is a command looked for with EXISTS: PostgreSQL may read the whole table for it.
CREATE OR REPLACE FUNCTION device_console.turns(p_limit INTEGER, p_chain INTEGER)
RETURNS TABLE (tenant_id TEXT, device_id TEXT, command_id TEXT, place BIGINT, chain BIGINT, there BIGINT, put_off_s INTEGER)
LANGUAGE sql STABLE
AS $$
    WITH RECURSIVE tenants AS (
        (SELECT o.tenant_id FROM device_console.outbox o WHERE o.due_at < 'infinity' ORDER BY o.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT o.tenant_id FROM device_console.outbox o
                WHERE o.due_at < 'infinity' AND o.tenant_id > t.tenant_id ORDER BY o.tenant_id LIMIT 1)
        FROM tenants t WHERE t.tenant_id IS NOT NULL
    ), due AS MATERIALIZED (
        SELECT t.tenant_id, GREATEST(16, LEAST(p_limit, 2 * p_limit / count(*) OVER ())) AS most
        FROM tenants t
        CROSS JOIN LATERAL (
            SELECT o.due_at FROM device_console.outbox o
            WHERE o.tenant_id = t.tenant_id AND o.due_at < 'infinity' ORDER BY o.due_at, o.seq LIMIT 1) f
        WHERE f.due_at <= now()
    ), seen AS MATERIALIZED (
        SELECT d.tenant_id, d.most, o.command_id, o.device_id, o.seq, o.created_at, o.due_at,
               count(*) OVER (PARTITION BY d.tenant_id) AS looked_at
        FROM due d
        CROSS JOIN LATERAL (
            SELECT o.command_id, o.device_id, o.seq, o.created_at, o.due_at FROM device_console.outbox o
            WHERE o.tenant_id = d.tenant_id AND o.due_at <= now() AND o.due_at < 'infinity'
              AND (o.leased_until IS NULL OR o.leased_until <= now())
            ORDER BY o.due_at, o.seq LIMIT d.most) o
    ), first_rows AS (
        SELECT d.tenant_id, d.device_id, d.first_due, f.command_id, f.seq, f.created_at, f.is_due, f.is_open,
               count(*) FILTER (WHERE f.is_open AND NOT f.is_free) OVER device AS in_the_way,
               count(*) FILTER (WHERE f.is_open) OVER device AS chain, count(*) OVER (PARTITION BY d.tenant_id, d.device_id) AS there
        FROM (SELECT s.tenant_id, s.device_id, min(s.due_at) AS first_due FROM seen s GROUP BY s.tenant_id, s.device_id) d
        CROSS JOIN LATERAL (
            SELECT e.command_id, e.seq, e.created_at, NOT e.is_leased AND e.due_at <= now() AS is_due,
                   NOT e.is_leased AND (e.due_at <= now() OR e.held_back) AS is_free,
                   COALESCE(c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
                            AND c.expires_at > now() + interval '1 second', false) AS is_open
            FROM (SELECT o.command_id, o.seq, o.created_at, o.held_back, o.due_at, COALESCE(o.leased_until > now(), false) AS is_leased
                  FROM device_console.outbox o
                  WHERE o.tenant_id = d.tenant_id AND o.device_id = d.device_id AND o.due_at <> 'infinity'
                  ORDER BY o.created_at, o.seq LIMIT 32 + p_chain) e
            LEFT JOIN LATERAL (
                SELECT c.status, c.published_at, c.acked_at, c.expires_at FROM public.device_commands c
                WHERE c.tenant_id = d.tenant_id AND c.command_id >= e.command_id AND c.command_id <= e.command_id
                ORDER BY c.command_id) c ON true) f
        WINDOW device AS (PARTITION BY d.tenant_id, d.device_id ORDER BY f.created_at, f.seq)
    ), judged AS (
        SELECT g.tenant_id, g.device_id, g.command_id, g.created_at, g.seq,
               bool_or(g.its_turn) AS its_turn, max(g.chain) AS chain, max(g.there) AS there, min(g.first_due) AS first_due, bool_or(g.is_full) AS is_full
        FROM (
            SELECT f.tenant_id, f.device_id, f.command_id, f.created_at, f.seq, f.first_due, NULL::boolean AS is_full,
                   CASE WHEN f.is_open THEN f.in_the_way = 0 AND f.chain <= p_chain ELSE f.is_due END AS its_turn,
                   CASE WHEN f.is_open THEN f.chain END AS chain, f.there
            FROM first_rows f
            UNION ALL
            SELECT s.tenant_id, s.device_id, s.command_id, s.created_at, s.seq, s.due_at, s.looked_at >= s.most, NULL, NULL, NULL FROM seen s) g
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT j.tenant_id, j.device_id, j.command_id,
           row_number() OVER (PARTITION BY j.tenant_id, j.its_turn ORDER BY j.chain NULLS FIRST, j.first_due, j.seq),
           CASE WHEN j.its_turn THEN j.chain END, j.there,
           CASE WHEN NOT COALESCE(j.its_turn, false)
                THEN CASE WHEN lag(j.seq) OVER (PARTITION BY j.tenant_id, j.device_id, COALESCE(j.its_turn, false)
                                           ORDER BY j.created_at, j.seq) IS NULL
                          THEN 1 ELSE 120 END END
    FROM judged j
    WHERE j.its_turn OR j.is_full
$$;

-- Judge what has been locked for its turn, and lease what can be published. Commands that can never be published are parked,
-- blocked ones put off: those of a stopped batch, too, so that the stop does not race the dispatcher for each thousand.
-- What stands behind a blocked command of its device stays as it is. So does what ends within the lease, unless it is the first of its device:
-- the sweep leaves leases alone. An unpublished command of another program is looked for once a device, among the commands right before its newest here: since
-- nothing overtakes it, it stands there until it is published or taken over, unless 32 behind it are done with within seconds.
-- The rows come by their places in the outbox, which nobody can change any more. Params become text only for what is given out, and for the look at their size. Ids are cast: the columns of others may be
-- varchar, and plpgsql refuses to return one as a text.
DROP FUNCTION IF EXISTS device_console.lease(UUID, INTERVAL, INTEGER, TEXT[], TEXT[]);
DROP FUNCTION IF EXISTS device_console.lease(UUID, INTERVAL, INTEGER, TEXT[], TEXT[], BIGINT[]);
CREATE OR REPLACE FUNCTION device_console.lease(
    p_holder UUID, p_lease INTERVAL, p_max_bytes INTEGER, p_rows TID[], p_there BIGINT[] DEFAULT NULL
) RETURNS TABLE (
    tenant_id TEXT, command_id TEXT, device_id TEXT, command_type TEXT, params TEXT,
    expires_at TIMESTAMPTZ, seconds_left DOUBLE PRECISION, attempt INTEGER, there INTEGER
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT d.*, row_number() OVER line AS in_line, count(*) OVER device AS in_all, max(d.created_at) OVER device AS newest_at
        FROM (
            SELECT i.n, i.place, o.tenant_id, o.command_id, COALESCE(c.device_id, o.device_id) AS device_id,
                   c.command_id IS NULL OR c.status <> 'queued' OR c.published_at IS NOT NULL OR c.acked_at IS NOT NULL AS is_gone,
                   c.command_type, c.command_params, c.expires_at, c.created_at
            FROM unnest(p_rows) WITH ORDINALITY AS i(place, n)
            JOIN device_console.outbox o ON o.ctid = i.place
            LEFT JOIN LATERAL (
                SELECT c.* FROM public.device_commands c
                WHERE c.tenant_id = o.tenant_id AND c.command_id >= o.command_id AND c.command_id <= o.command_id
                ORDER BY c.command_id) c ON true) d
        WINDOW device AS (PARTITION BY d.tenant_id, d.device_id, d.is_gone OR d.expires_at < now() + interval '1 second'),
               line AS (device ORDER BY d.n)
    ), judged AS (
        SELECT d.*, lower(left(t.status, 100)) AS tenant_status,
               CASE
                   WHEN d.is_gone THEN 'gone'
                   WHEN NOT device_console.id_is_routable(d.tenant_id) THEN 'tenant id'
                   WHEN NOT device_console.id_is_routable(d.device_id) THEN 'device id'
                   WHEN NOT device_console.id_is_routable(d.command_id) THEN 'command id'
                   WHEN d.expires_at < now() + interval '1 second' THEN 'too late'
                   WHEN jsonb_typeof(d.command_params) IS DISTINCT FROM 'object' THEN 'kind of params'
                   WHEN octet_length(d.command_type) > 4000 THEN 'length of type'
                   WHEN COALESCE(device_console.json_bytes(d.command_params, p_max_bytes), p_max_bytes + 1)
                        > p_max_bytes THEN 'size of params'
                   WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'tenant'
                   WHEN (SELECT r.decommissioned_at FROM public.device_registry r
                         WHERE r.tenant_id = d.tenant_id AND r.device_id >= d.device_id AND r.device_id <= d.device_id
                         ORDER BY r.device_id LIMIT 1) <= now() THEN 'device'
                   WHEN (SELECT b.stopped_at IS NOT NULL
                         FROM (SELECT m.batch_id FROM device_console.batch_members m
                               WHERE m.tenant_id = d.tenant_id AND m.command_id >= d.command_id AND m.command_id <= d.command_id
                               ORDER BY m.command_id) m
                         JOIN device_console.batches b ON b.tenant_id = d.tenant_id AND b.batch_id = m.batch_id LIMIT 1)
                       THEN 'batch'
                   WHEN min(f.created_at) OVER (PARTITION BY d.tenant_id, d.device_id) < d.created_at THEN 'other program'
                   WHEN d.in_line > 1 AND d.expires_at < now() + p_lease THEN 'its turn comes'
                   ELSE 'ready'
               END AS verdict
        FROM due d
        LEFT JOIN public.tenants t ON t.tenant_id = d.tenant_id
        LEFT JOIN LATERAL (
            SELECT min(older.created_at) AS created_at
            FROM (SELECT c.command_id, c.created_at, c.status, c.published_at, c.acked_at, c.expires_at
                  FROM public.device_commands c
                  WHERE d.in_line = 1 AND NOT d.is_gone AND c.tenant_id = d.tenant_id
                    AND c.device_id >= d.device_id AND c.device_id <= d.device_id AND c.created_at < d.newest_at
                  ORDER BY c.device_id, c.created_at DESC LIMIT d.in_all + 32) older
            WHERE older.status = 'queued' AND older.published_at IS NULL AND older.acked_at IS NULL
              AND older.expires_at > now() + interval '1 second'
              AND octet_length(older.command_id) <= 1000
              AND NOT EXISTS (SELECT FROM device_console.outbox o
                              WHERE o.command_id = older.command_id AND o.tenant_id || '' = d.tenant_id)) f ON true
    ), in_turn AS (
        SELECT j.*,
               count(*) FILTER (WHERE j.verdict IN ('tenant', 'device', 'batch', 'other program', 'its turn comes')) OVER (
                   PARTITION BY j.tenant_id, j.device_id ORDER BY j.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS stopped_by
        FROM judged j
    ), explained AS MATERIALIZED (
        SELECT j.*,
               CASE WHEN j.verdict IN ('tenant', 'device', 'batch', 'other program') THEN j.verdict
                    WHEN j.verdict NOT IN ('ready', 'too late', 'gone') THEN 'content' END AS blocked_by,
               CASE j.verdict
                   WHEN 'tenant' THEN j.tenant_status
                   WHEN 'tenant id' THEN 'the tenant id cannot be routed'
                   WHEN 'device id' THEN 'the device id cannot be routed'
                   WHEN 'command id' THEN 'the command id cannot be routed'
                   WHEN 'kind of params' THEN 'params are not an object'
                   WHEN 'length of type' THEN 'the type is too long'
                   WHEN 'size of params' THEN 'params are too large' END AS words
        FROM in_turn j
        WHERE j.verdict <> 'its turn comes' AND (j.verdict = 'gone' OR j.stopped_by = 0)
    ), gone AS (
        DELETE FROM device_console.outbox o USING explained j
        WHERE j.verdict = 'gone' AND o.ctid = j.place
    ), moved AS (
        UPDATE device_console.outbox o
        SET holder = CASE WHEN j.verdict = 'ready' THEN p_holder END,
            leased_until = CASE WHEN j.verdict = 'ready' THEN now() + p_lease END,
            attempt = LEAST(o.attempt, 999999) + (j.verdict = 'ready')::integer,
            held_back = j.verdict = 'ready' AND o.held_back,
            due_at = CASE
                WHEN j.verdict = 'ready' THEN o.due_at  -- in an index: the lease stands beside it
                WHEN j.blocked_by = 'other program' THEN LEAST(now() + interval '1 second', j.expires_at)
                WHEN j.blocked_by IN ('tenant', 'device', 'batch') THEN LEAST(now() + interval '5 seconds', j.expires_at)
                ELSE 'infinity' END,
            blocked_by = CASE WHEN j.verdict = 'too late' THEN o.blocked_by ELSE j.blocked_by END,
            last_error = CASE
                WHEN j.verdict = 'too late' OR j.verdict = 'ready' AND o.blocked_by IS NULL THEN o.last_error
                ELSE j.words END
        FROM explained j
        WHERE j.verdict <> 'gone' AND o.ctid = j.place
        RETURNING j.n, j.verdict, j.tenant_id, j.command_id, j.device_id, j.command_type, j.command_params, j.expires_at, o.attempt
    ), told AS (
        INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
        SELECT j.tenant_id, 'unroutable', device_console.short_id(j.device_id), device_console.short_id(j.command_id),
               max(j.words), count(*)
        FROM explained j
        WHERE j.blocked_by = 'content'
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
        SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
    )
    SELECT m.tenant_id::text, m.command_id::text, m.device_id::text, m.command_type::text, m.command_params::text,
           LEAST(m.expires_at, timestamptz '9999-12-31 00:00:00+00'),
           CASE WHEN m.expires_at = 'infinity' THEN double precision 'infinity'
                ELSE extract(epoch FROM m.expires_at - clock_timestamp())::double precision END,
           m.attempt, p_there[m.n]::integer
    FROM moved m
    WHERE m.verdict = 'ready'
    ORDER BY m.n;
END
$$;

-- Lease the command at this place of the outbox, the only one of its device, if nothing at all stands against it: what `lease` would say of it
-- without its lists, in a third of the time. Where no row comes back, nothing is changed, and `lease` finds out why.
CREATE OR REPLACE FUNCTION device_console.lease_one(p_row TID, p_holder UUID, p_lease INTERVAL, p_max_bytes INTEGER)
RETURNS TABLE (
    tenant_id TEXT, command_id TEXT, device_id TEXT, command_type TEXT, params TEXT,
    expires_at TIMESTAMPTZ, seconds_left DOUBLE PRECISION, attempt INTEGER, there INTEGER
)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH ready AS MATERIALIZED (
        SELECT o.ctid AS place, o.tenant_id, o.command_id, o.device_id, c.command_type, c.command_params, c.expires_at
        FROM device_console.outbox o
        CROSS JOIN LATERAL (
            SELECT c.* FROM public.device_commands c
            WHERE c.tenant_id = o.tenant_id AND c.command_id >= o.command_id AND c.command_id <= o.command_id
            ORDER BY c.command_id LIMIT 1) c
        JOIN public.tenants t ON t.tenant_id = o.tenant_id AND t.status = 'ACTIVE'
        WHERE o.ctid = p_row AND o.due_at <= now() AND (o.leased_until IS NULL OR o.leased_until <= now())
          AND c.status = 'queued' AND c.published_at IS NULL AND c.acked_at IS NULL
          AND c.expires_at >= now() + interval '1 second' AND c.device_id = o.device_id
          AND device_console.id_is_routable(o.tenant_id) AND device_console.id_is_routable(o.device_id)
          AND device_console.id_is_routable(o.command_id)
          AND octet_length(c.command_type) <= 4000 AND jsonb_typeof(c.command_params) = 'object'
          AND device_console.json_bytes(c.command_params, p_max_bytes) <= p_max_bytes
          AND COALESCE((SELECT r.decommissioned_at FROM public.device_registry r
                        WHERE r.tenant_id = o.tenant_id AND r.device_id >= o.device_id AND r.device_id <= o.device_id
                        ORDER BY r.device_id LIMIT 1) > now(), true)
          AND NOT COALESCE((SELECT b.stopped_at IS NOT NULL
                            FROM (SELECT m.batch_id FROM device_console.batch_members m
                                  WHERE m.tenant_id = o.tenant_id AND m.command_id >= o.command_id AND m.command_id <= o.command_id
                                  ORDER BY m.command_id) m
                            JOIN device_console.batches b ON b.tenant_id = o.tenant_id AND b.batch_id = m.batch_id LIMIT 1), false)
          AND (SELECT min(b.created_at)
               FROM (SELECT k.created_at, k.status, k.published_at, k.acked_at, k.expires_at, k.command_id
                     FROM public.device_commands k
                     WHERE k.tenant_id = o.tenant_id AND k.device_id >= o.device_id AND k.device_id <= o.device_id
                       AND k.created_at < c.created_at
                     ORDER BY k.device_id, k.created_at DESC LIMIT 33) b
               WHERE b.status = 'queued' AND b.published_at IS NULL AND b.acked_at IS NULL
                 AND b.expires_at > now() + interval '1 second' AND octet_length(b.command_id) <= 1000) IS NULL
        FOR UPDATE OF o SKIP LOCKED
    ), leased AS (
        UPDATE device_console.outbox o
        SET holder = p_holder, leased_until = now() + p_lease, attempt = LEAST(o.attempt, 999999) + 1, blocked_by = NULL,
            last_error = CASE WHEN o.blocked_by IS NULL THEN o.last_error END
        FROM ready r
        WHERE o.ctid = r.place
        RETURNING o.attempt
    )
    SELECT r.tenant_id, r.command_id, r.device_id, r.command_type::text, r.command_params::text,
           LEAST(r.expires_at, timestamptz '9999-12-31 00:00:00+00'),
           CASE WHEN r.expires_at = 'infinity' THEN double precision 'infinity'
                ELSE extract(epoch FROM r.expires_at - clock_timestamp())::double precision END,
           l.attempt, 1
    FROM ready r CROSS JOIN leased l;
END
$$;

-- A command that no statement can handle: it is put off for a minute, and a problem names it.
CREATE OR REPLACE FUNCTION device_console.put_off(p_tenant TEXT, p_command TEXT, p_error TEXT) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE device_console.outbox o
    SET holder = NULL, leased_until = NULL, held_back = false, due_at = now() + interval '1 minute', blocked_by = 'database', last_error = left(p_error, 500)
    WHERE o.tenant_id = p_tenant AND o.command_id = p_command;
    PERFORM device_console.record_problems(
        ARRAY[p_tenant], ARRAY['unroutable'], ARRAY[''], ARRAY[p_command], ARRAY['it cannot be handled: ' || left(p_error, 500)]);
END
$$;

-- Lease due commands: tenants in turns, of each tenant what became due first, of a device at most p_chain, to be published one after the other.
-- The turns begin behind the tenant p_after, which was the last one of the claim before: a claim of few commands would serve the same tenants each time.
-- A later command never overtakes an earlier live one, nor one that another writer has left unpublished. Plans are pinned to the way
-- from the key to the row, so that a table that was empty when they were made costs nothing later, and what depth a queue has does not matter.
DROP FUNCTION IF EXISTS device_console.claim(UUID, INTEGER, INTERVAL, INTEGER);
DROP FUNCTION IF EXISTS device_console.claim(UUID, INTEGER, INTERVAL, INTEGER, INTEGER);
CREATE OR REPLACE FUNCTION device_console.claim(
    p_holder UUID, p_limit INTEGER, p_lease INTERVAL, p_max_bytes INTEGER, p_chain INTEGER DEFAULT 1, p_after TEXT DEFAULT ''
) RETURNS TABLE (
    tenant_id TEXT, command_id TEXT, device_id TEXT, command_type TEXT, params TEXT,
    expires_at TIMESTAMPTZ, seconds_left DOUBLE PRECISION, attempt INTEGER, there INTEGER
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET enable_incremental_sort = off
AS $$
#variable_conflict use_column
DECLARE
    v_tenants  TEXT[];
    v_devices  TEXT[];
    v_commands TEXT[];
    v_chain    BIGINT[];
    v_there    BIGINT[];
    v_put_off  INTEGER[];
    v_found    BOOLEAN;
    v_one      INTEGER;
    v_error    TEXT;
    v_rows     TID[];
BEGIN
    -- As after a single send: few commands are here, and one of them alone is free, the only one of its device.
    SELECT array_agg(w.place) FILTER (WHERE w.is_free), array_agg(w.device_id), array_agg(w.device_id) FILTER (WHERE w.is_free)
    INTO v_rows, v_devices, v_commands
    FROM (SELECT o.ctid AS place, o.device_id, o.due_at <= now() AND (o.leased_until IS NULL OR o.leased_until <= now()) AS is_free
          FROM device_console.outbox o WHERE o.due_at < 'infinity'
          ORDER BY o.tenant_id, o.due_at, o.seq LIMIT 20) w;
    IF v_devices IS NULL THEN
        RETURN;
    END IF;
    IF cardinality(v_rows) = 1 AND cardinality(v_devices) < 20 AND cardinality(array_positions(v_devices, v_commands[1])) = 1 THEN
        BEGIN
            RETURN QUERY SELECT * FROM device_console.lease_one(v_rows[1], p_holder, p_lease, p_max_bytes);
            IF FOUND THEN
                RETURN;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
        END;
    END IF;

    FOR v_one IN 1 .. 50 LOOP  -- what waits must not hide what could go, however much it is
        SELECT array_agg(t.tenant_id ORDER BY t.place, t.tenant_id <= p_after, t.tenant_id), array_agg(t.device_id ORDER BY t.place, t.tenant_id <= p_after, t.tenant_id),
               array_agg(t.command_id ORDER BY t.place, t.tenant_id <= p_after, t.tenant_id), array_agg(t.chain ORDER BY t.place, t.tenant_id <= p_after, t.tenant_id),
               array_agg(t.there ORDER BY t.place, t.tenant_id <= p_after, t.tenant_id), array_agg(t.put_off_s ORDER BY t.place, t.tenant_id <= p_after, t.tenant_id),
               bool_or(t.put_off_s IS NULL)
        INTO v_tenants, v_devices, v_commands, v_chain, v_there, v_put_off, v_found
        FROM device_console.turns(p_limit, p_chain) t;
        IF v_tenants IS NULL THEN
            RETURN;
        END IF;

        UPDATE device_console.outbox o
        SET due_at = now() + make_interval(secs => l.put_off_s), held_back = true
        FROM (SELECT o.tenant_id, o.command_id, i.put_off_s
              FROM unnest(v_tenants, v_commands, v_put_off) AS i(tenant_id, command_id, put_off_s)
              JOIN device_console.outbox o ON o.command_id = i.command_id AND o.tenant_id || '' = i.tenant_id
              WHERE i.put_off_s IS NOT NULL AND o.due_at <= now() AND (o.leased_until IS NULL OR o.leased_until <= now())
              FOR UPDATE OF o SKIP LOCKED) l
        WHERE o.command_id = l.command_id AND o.tenant_id || '' = l.tenant_id;
        EXIT WHEN v_found OR NOT FOUND;
    END LOOP;

    -- what somebody else has taken or locked ends the chain: nothing behind it may overtake it
    SELECT array_agg(l.tenant_id ORDER BY l.n), array_agg(l.command_id ORDER BY l.n), array_agg(l.device_id ORDER BY l.n),
           array_agg(l.chain ORDER BY l.n), array_agg(l.there ORDER BY l.n), array_agg(l.place ORDER BY l.n)
    INTO v_tenants, v_commands, v_devices, v_chain, v_there, v_rows
    FROM (SELECT l.*, row_number() OVER (PARTITION BY l.tenant_id, l.device_id, l.chain IS NULL ORDER BY l.chain) AS got
          FROM (SELECT o.ctid AS place, o.tenant_id, i.device_id, o.command_id, i.chain, i.there, i.n
                FROM unnest(v_tenants, v_devices, v_commands, v_chain, v_there, v_put_off)
                     WITH ORDINALITY AS i(tenant_id, device_id, command_id, chain, there, put_off_s, n)
                JOIN device_console.outbox o ON o.command_id = i.command_id AND o.tenant_id || '' = i.tenant_id
                WHERE i.put_off_s IS NULL AND (o.due_at <= now() OR o.held_back) AND (o.leased_until IS NULL OR o.leased_until <= now())
                ORDER BY i.n
                LIMIT p_limit
                FOR UPDATE OF o SKIP LOCKED) l) l
    WHERE l.chain IS NULL OR l.chain = l.got;
    BEGIN
        RETURN QUERY SELECT * FROM device_console.lease(p_holder, p_lease, p_max_bytes, v_rows, v_there);
        GET DIAGNOSTICS v_one = ROW_COUNT;
        IF v_one < cardinality(v_commands) THEN  -- what was parked woke nobody
            PERFORM device_console.wake_first(v_tenants, v_devices);
        END IF;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF device_console.concerns_all(SQLSTATE) THEN
            RAISE;
        END IF;
    END;
    -- one of them breaks the statement: each by itself, and of a device the first alone
    FOR v_one IN 1 .. cardinality(v_tenants) LOOP
        CONTINUE WHEN v_chain[v_one] > 1;
        BEGIN
            RETURN QUERY SELECT * FROM device_console.lease(
                p_holder, p_lease, p_max_bytes, v_rows[v_one:v_one], v_there[v_one:v_one]);
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            v_error := SQLERRM;
            PERFORM device_console.put_off(v_tenants[v_one], v_commands[v_one], v_error);
        END;
    END LOOP;
END
$$;

-- Seconds until the dispatcher has something to do; null when the outbox holds nothing to publish. What waits for an
-- earlier command of its device is not due.
CREATE OR REPLACE FUNCTION device_console.next_due() RETURNS DOUBLE PRECISION
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET enable_incremental_sort = off
AS $$
BEGIN
    RETURN (
        WITH RECURSIVE tenants AS (
            (SELECT o.tenant_id FROM device_console.outbox o WHERE o.due_at < 'infinity' ORDER BY o.tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT o.tenant_id FROM device_console.outbox o
                    WHERE o.due_at < 'infinity' AND o.tenant_id > t.tenant_id ORDER BY o.tenant_id LIMIT 1)
            FROM tenants t WHERE t.tenant_id IS NOT NULL
        )
        SELECT CASE WHEN EXISTS (SELECT FROM device_console.turns(1, 1) t WHERE t.put_off_s IS NULL) THEN 0
                    ELSE extract(epoch FROM min(n.due_at) - clock_timestamp())::double precision END
        FROM tenants t
        CROSS JOIN LATERAL (
            (SELECT o.due_at FROM device_console.outbox o
             WHERE o.tenant_id = t.tenant_id AND o.due_at > now() AND o.due_at < 'infinity'
             ORDER BY o.due_at, o.seq LIMIT 1)
            UNION ALL
            (SELECT min(l.leased_until)
             FROM (SELECT o.leased_until FROM device_console.outbox o
                   WHERE o.tenant_id = t.tenant_id AND o.due_at <= now() AND o.due_at < 'infinity'
                   ORDER BY o.due_at, o.seq LIMIT 1000) l
             WHERE l.leased_until > now())) n);
END
$$;

-- The broker confirmed: whoever still holds the lease sets published_at. Never writes status. What another session has locked is not
-- waited for: its place in the list is returned, so that an open transaction of one tenant's operator holds up the marks of that tenant only.
-- Two statements: the first one locks, and the second one finds the rows by their places, which nobody can change any more.
DROP FUNCTION IF EXISTS device_console.lock_free(TEXT[], TEXT[]);
DROP FUNCTION IF EXISTS device_console.mark(UUID, TEXT[], TEXT[], BOOLEAN[]);
CREATE OR REPLACE FUNCTION device_console.mark(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_nobody_listens BOOLEAN[],
    OUT published INTEGER, OUT locked INTEGER[]
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET enable_incremental_sort = off
AS $$
DECLARE
    v_places   INTEGER[];
    v_commands TID[];
    v_rows     TID[];
BEGIN
    SELECT array_agg(f.n), array_agg(f.command_at), array_agg(f.row_at)
    INTO v_places, v_commands, v_rows
    FROM (SELECT i.n::integer AS n, c.ctid AS command_at, o.ctid AS row_at
          FROM unnest(p_tenants, p_commands) WITH ORDINALITY AS i(tenant_id, command_id, n)
          CROSS JOIN LATERAL (
              SELECT c.ctid FROM public.device_commands c
              WHERE c.tenant_id = i.tenant_id AND c.command_id >= i.command_id AND c.command_id <= i.command_id
              ORDER BY c.command_id
              FOR UPDATE SKIP LOCKED) c
          JOIN device_console.outbox o ON o.command_id = i.command_id AND o.tenant_id || '' = i.tenant_id
          WHERE o.holder = p_holder
          FOR UPDATE OF o SKIP LOCKED) f;

    WITH won AS (
        DELETE FROM device_console.outbox o
        USING unnest(v_rows, v_commands, v_places) AS f(row_at, command_at, n)
        WHERE o.ctid = f.row_at
        RETURNING o.tenant_id, o.command_id, o.attempt, f.command_at, p_nobody_listens[f.n] AS nobody
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome)
        SELECT w.tenant_id, w.command_id, CASE WHEN w.nobody THEN 'nobody_listens' ELSE 'attempt' END, w.attempt, 'confirmed'
        FROM won w WHERE w.nobody OR w.attempt > 1
    ), sent AS (
        INSERT INTO device_console.sent_events (tenant_id, sent_at, sent)
        SELECT w.tenant_id, now(), count(*) FROM won w GROUP BY 1
    ), marked AS (
        UPDATE public.device_commands c
        SET published_at = CASE WHEN c.acked_at IS NULL THEN clock_timestamp()
                                ELSE LEAST(c.acked_at, clock_timestamp()) END
        FROM won w
        WHERE c.ctid = w.command_at
          AND c.status IN ('queued', 'delivered')
          AND (c.published_at IS NULL OR c.published_at = c.acked_at)
        RETURNING 1
    )
    SELECT count(*) INTO published FROM marked;

    -- what is left: a command that is gone, a lease that is lost, or somebody's lock
    IF cardinality(v_places) IS DISTINCT FROM cardinality(p_commands) THEN
        DELETE FROM device_console.outbox o
        USING (SELECT o.tenant_id, o.command_id
               FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
               JOIN device_console.outbox o ON o.command_id = i.command_id AND o.tenant_id || '' = i.tenant_id
               WHERE o.holder = p_holder AND NOT EXISTS (
                   SELECT FROM public.device_commands c
                   WHERE c.tenant_id = i.tenant_id AND c.command_id = i.command_id)
               FOR UPDATE OF o SKIP LOCKED) f
        WHERE o.command_id = f.command_id AND o.tenant_id || '' = f.tenant_id;
        SELECT array_agg(i.n::integer ORDER BY i.n) INTO locked
        FROM unnest(p_tenants, p_commands) WITH ORDINALITY AS i(tenant_id, command_id, n)
        JOIN device_console.outbox o ON o.command_id = i.command_id AND o.tenant_id || '' = i.tenant_id
        WHERE o.holder = p_holder;
    END IF;
    PERFORM device_console.announce(p_tenants);
END
$$;

-- Give leases back: refused, unknown or put off. The reason stays on the row. Without an outcome the attempt was never begun, because of what
-- stands before it, and does not count. Nothing is waited for: a row that another has
-- locked keeps its lease to the end.
CREATE OR REPLACE FUNCTION device_console.release(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_outcomes TEXT[], p_errors TEXT[],
    p_delays_s DOUBLE PRECISION[]
) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH free AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, i.outcome, i.error, i.delay_s
        FROM unnest(p_tenants, p_commands, p_outcomes, p_errors, p_delays_s)
             AS i(tenant_id, command_id, outcome, error, delay_s)
        JOIN device_console.outbox o ON o.command_id = i.command_id AND o.tenant_id || '' = i.tenant_id
        WHERE o.holder = p_holder
        FOR UPDATE OF o SKIP LOCKED
    ), given_back AS (
        UPDATE device_console.outbox o
        SET holder = NULL,
            leased_until = NULL,
            held_back = false,
            attempt = CASE WHEN f.outcome IS NULL THEN GREATEST(o.attempt - 1, 0) ELSE o.attempt END,
            outcome = COALESCE(f.outcome, o.outcome),
            blocked_by = CASE WHEN f.outcome IS NULL THEN o.blocked_by END,
            last_error = CASE WHEN f.outcome IS NULL THEN o.last_error ELSE left(f.error, 500) END,
            due_at = now() + make_interval(secs => LEAST(GREATEST(f.delay_s, 0), 604800))
        FROM free f
        WHERE o.command_id = f.command_id AND o.tenant_id || '' = f.tenant_id
        RETURNING o.tenant_id, o.command_id, o.attempt, o.outcome, o.last_error, f.outcome IS NOT NULL AS was_begun
    )
    INSERT INTO device_console.journal (tenant_id, command_id, kind, attempt, outcome, detail)
    SELECT g.tenant_id, g.command_id, 'attempt', g.attempt, g.outcome, g.last_error
    FROM given_back g
    WHERE g.was_begun AND g.attempt <= 20;
END
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.turns, device_console.lease, device_console.lease_one, device_console.put_off, device_console.claim,
        device_console.next_due, device_console.mark, device_console.release FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.claim, device_console.next_due, device_console.mark, '
                   'device_console.release TO %I', current_setting('device_console.worker_role'));
END
$$;
