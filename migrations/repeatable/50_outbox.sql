-- The order of what waits for publication, and what comes in and goes out beside the dispatcher.

-- Let the first command of each of these devices be looked at, if it was held back. Its plans are its own: whatever the statement
-- around it allows, the way goes from the device to its first row.
CREATE OR REPLACE FUNCTION device_console.wake_first(p_tenants TEXT[], p_devices TEXT[]) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off SET enable_indexscan = on SET enable_nestloop = on
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_rows TID[];
BEGIN
    SELECT array_agg(f.ctid) INTO v_rows
    FROM (SELECT DISTINCT i.tenant_id, i.device_id FROM unnest(p_tenants, p_devices) AS i(tenant_id, device_id)) d
    CROSS JOIN LATERAL (
        SELECT o.ctid, o.held_back, o.leased_until FROM device_console.outbox o
        WHERE o.tenant_id = d.tenant_id AND o.device_id = d.device_id AND o.due_at <> 'infinity'
        ORDER BY o.created_at, o.seq LIMIT 1
        FOR UPDATE SKIP LOCKED) f
    WHERE f.held_back AND (f.leased_until IS NULL OR f.leased_until <= now());
    IF v_rows IS NOT NULL THEN
        UPDATE device_console.outbox o SET held_back = false, due_at = LEAST(o.due_at, now()) WHERE o.ctid = ANY (v_rows);
    END IF;
END
$$;

-- Whoever takes a command out of the outbox lets the next one of its device be looked at.
CREATE OR REPLACE FUNCTION device_console.next_in_turn() RETURNS TRIGGER
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        PERFORM device_console.wake_first(array_agg(g.tenant_id), array_agg(g.device_id)) FROM gone g;
    END IF;
    RETURN NULL;
END
$$;

DO $$
BEGIN
    -- only where it is missing: it takes a lock that workers would wait for
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'device_console.outbox'::regclass AND tgname = 'outbox_next_in_turn') THEN
        CREATE TRIGGER outbox_next_in_turn AFTER DELETE ON device_console.outbox
            REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION device_console.next_in_turn();
    END IF;
END
$$;

-- Take commands out of the outbox, for a cancel: what no dispatcher holds. An operator has no DELETE there: whoever has
-- it may lock the whole table.
CREATE OR REPLACE FUNCTION device_console.take_back(p_commands TEXT[])
RETURNS TABLE (command_id TEXT, attempt INTEGER, outcome TEXT)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM device_console.outbox o USING unnest(p_commands) AS i(command_id)
    WHERE o.tenant_id = device_console.own_tenant() AND o.command_id = i.command_id
      AND (o.holder IS NULL OR o.leased_until <= now())
    RETURNING o.command_id, o.attempt, o.outcome
$$;

-- What stands or stood against publishing one, and words to it; null when nothing is known to. It runs with the rights of its caller.
CREATE OR REPLACE FUNCTION device_console.held_up(
    p_tenant TEXT, p_device TEXT, p_seq BIGINT, p_at TIMESTAMPTZ, OUT blocked_by TEXT, OUT words TEXT
)
LANGUAGE sql STABLE
AS $$
    SELECT f.blocked_by,
           CASE f.blocked_by WHEN 'tenant' THEN lower(left(f.status, 100)) WHEN 'earlier command' THEN left(f.last_error, 200) END
    FROM (
        SELECT CASE
                   WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'tenant'
                   WHEN EXISTS (SELECT FROM public.device_registry r
                                WHERE r.tenant_id = p_tenant AND r.device_id = p_device AND r.decommissioned_at <= now())
                       THEN 'device'
                   WHEN NOT EXISTS (SELECT FROM device_console.leases l
                                    WHERE l.role = 'dispatch' AND l.link <> '' AND NOT device_console.is_stale(l.beat_at)
                                      AND l.taken_at < p_at - interval '1 second')
                       THEN 'broker'
                   WHEN e.seq IS NOT NULL THEN 'earlier command'
               END AS blocked_by, t.status, e.last_error
        FROM (SELECT) one
        LEFT JOIN public.tenants t ON t.tenant_id = p_tenant
        LEFT JOIN LATERAL (
            SELECT o.seq, o.last_error FROM device_console.outbox o
            WHERE o.tenant_id = p_tenant AND o.device_id = p_device AND o.seq < p_seq AND o.due_at < 'infinity'
            ORDER BY o.seq LIMIT 1) e ON true) f
$$;

-- The same for a command of the operator's tenant that waits now.
CREATE OR REPLACE FUNCTION device_console.held_up_now(p_command TEXT, OUT blocked_by TEXT, OUT words TEXT)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.blocked_by, h.words
    FROM device_console.outbox o
    CROSS JOIN LATERAL device_console.held_up(o.tenant_id, o.device_id, o.seq, now()) h
    WHERE o.tenant_id = device_console.own_tenant() AND o.command_id = p_command
$$;

-- Take over what another writer inserted and left unpublished, at the place that its creation gives it: after p_age, or a third
-- of its time to live if that is shorter, but not before 5 s. A command whose ids no index entry holds is named once and left
-- to its deadline. Tenants have shares, and what goes wrong with one is its own.
CREATE OR REPLACE FUNCTION device_console.adopt(p_age INTERVAL, p_limit INTEGER) RETURNS INTEGER
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants TEXT[];
    v_tenant  TEXT;
    v_count   INTEGER;
    v_total   INTEGER := 0;
    v_before  TEXT := current_setting('lock_timeout');
BEGIN
    WITH RECURSIVE tenants AS (
        (SELECT c.tenant_id FROM public.device_commands c WHERE c.status = 'queued' ORDER BY c.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT c.tenant_id FROM public.device_commands c
                WHERE c.status = 'queued' AND c.tenant_id > t.tenant_id ORDER BY c.tenant_id LIMIT 1)
        FROM tenants t WHERE t.tenant_id IS NOT NULL
    )
    SELECT array_agg(t.tenant_id) INTO v_tenants FROM tenants t WHERE octet_length(t.tenant_id) <= 1000;

    PERFORM set_config('lock_timeout', '100ms', true);  -- whoever holds a row of the outbox holds up its own tenant only
    FOREACH v_tenant IN ARRAY COALESCE(v_tenants, '{}') LOOP
        BEGIN
            WITH found AS MATERIALIZED (
                SELECT c.created_at, c.fits,
                       CASE WHEN c.fits THEN c.command_id ELSE device_console.short_id(c.command_id) END AS command_id,
                       CASE WHEN c.fits THEN c.device_id ELSE device_console.short_id(c.device_id) END AS device_id
                FROM (SELECT c.*, octet_length(c.command_id) <= 1000 AND octet_length(c.device_id) <= 1000 AS fits,
                             extract(epoch FROM c.created_at)::double precision AS began,
                             extract(epoch FROM c.expires_at)::double precision AS ends
                      FROM public.device_commands c
                      WHERE c.tenant_id = v_tenant AND c.status = 'queued' AND c.published_at IS NULL
                        AND c.acked_at IS NULL AND c.expires_at > now() + interval '1 second'
                        AND c.created_at < now() - LEAST(p_age, interval '5 seconds')
                        AND NOT EXISTS (SELECT FROM device_console.outbox o
                                        WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id)) c
                WHERE (c.created_at < now() - p_age
                       OR 3 * (extract(epoch FROM now())::double precision - c.began) >= c.ends - c.began)
                  AND (c.fits OR NOT EXISTS (
                      SELECT FROM device_console.problems p
                      WHERE p.tenant_id = v_tenant AND p.kind = 'unroutable'
                        AND p.device_id = device_console.short_id(c.device_id)
                        AND p.command_id = device_console.short_id(c.command_id)))
                ORDER BY c.created_at, c.command_id
                LIMIT GREATEST(20, p_limit / cardinality(v_tenants))
            ), told AS (
                INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail)
                SELECT DISTINCT v_tenant, 'unroutable', f.device_id, f.command_id, 'its ids are too long to be published'
                FROM found f WHERE NOT f.fits
                ON CONFLICT DO NOTHING
            ), adopted AS (
                INSERT INTO device_console.outbox (tenant_id, command_id, device_id, created_at)
                SELECT v_tenant, f.command_id, f.device_id, GREATEST(f.created_at, '2000-01-01')
                FROM found f WHERE f.fits
                ON CONFLICT DO NOTHING
                RETURNING tenant_id, command_id
            ), noted AS (
                INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
                SELECT a.tenant_id, a.command_id, 'adopted', 'another writer had left it unpublished' FROM adopted a
            )
            SELECT count(*) INTO v_count FROM adopted;
            v_total := v_total + v_count;
        EXCEPTION WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            PERFORM device_console.record_problems(
                ARRAY[v_tenant], ARRAY['unroutable'], ARRAY[''], ARRAY[''],
                ARRAY['commands of other programs cannot be taken over: ' || left(SQLERRM, 500)]);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', v_before, true);
    RETURN v_total;
END
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.wake_first, device_console.next_in_turn, device_console.take_back, device_console.held_up,
        device_console.held_up_now, device_console.adopt FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.adopt TO %I', current_setting('device_console.worker_role'));
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.take_back, device_console.held_up_now TO %I', operator_role);
    END IF;
END
$$;
