-- Migration 901: what the dispatcher may do, as definer functions: the worker role has no table rights.
-- Every writer locks device_commands before the outbox, so that writers cannot deadlock.

CREATE FUNCTION device_console.id_is_routable(value TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT length(value) BETWEEN 1 AND 128
       AND value !~ '[/+#\x01-\x1f\x7f-\x9f]'
       AND value !~ '^\s|\s$'
$$;

CREATE FUNCTION device_console.record_problems(
    p_tenants TEXT[], p_kinds TEXT[], p_devices TEXT[], p_commands TEXT[], p_details TEXT[]
) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
    SELECT COALESCE(t.tenant_id, ''), p.kind, left(p.device_id, 256), left(p.command_id, 256),
           left(max(p.detail), 1000), count(*)
    FROM unnest(p_tenants, p_kinds, p_devices, p_commands, p_details)
         AS p(tenant_id, kind, device_id, command_id, detail)
    LEFT JOIN public.tenants t ON t.tenant_id = p.tenant_id
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
    SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
$$;

-- Lease due commands, oldest first, at most one per device: a later command never overtakes an earlier
-- live one. Commands that can never be published are parked, blocked ones put off.
CREATE FUNCTION device_console.claim(
    p_holder UUID, p_limit INTEGER, p_lease INTERVAL, p_max_bytes INTEGER
) RETURNS TABLE (
    tenant_id TEXT, command_id TEXT, device_id TEXT, command_type TEXT, params TEXT,
    expires_at TIMESTAMPTZ, seconds_left DOUBLE PRECISION, attempt INTEGER
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT o.tenant_id, o.command_id, o.device_id, o.seq
        FROM device_console.outbox o
        WHERE o.due_at <= now()
          AND NOT EXISTS (
              SELECT FROM device_console.outbox earlier
              WHERE earlier.tenant_id = o.tenant_id AND earlier.device_id = o.device_id
                AND earlier.seq < o.seq AND earlier.due_at < 'infinity')
        ORDER BY o.seq
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), judged AS MATERIALIZED (
        SELECT d.tenant_id, d.command_id, d.device_id, d.seq,
               c.command_type, c.command_params::text AS params, c.expires_at,
               CASE
                   WHEN c.command_id IS NULL OR c.status <> 'queued' OR c.published_at IS NOT NULL THEN 'gone'
                   WHEN NOT device_console.id_is_routable(d.tenant_id) THEN 'the tenant id cannot be routed'
                   WHEN NOT device_console.id_is_routable(d.device_id) THEN 'the device id cannot be routed'
                   WHEN NOT device_console.id_is_routable(d.command_id) THEN 'the command id cannot be routed'
                   WHEN jsonb_typeof(c.command_params) IS DISTINCT FROM 'object' THEN 'params are not an object'
                   WHEN octet_length(c.command_params::text) > p_max_bytes THEN 'params are too large'
                   WHEN c.expires_at < now() + interval '1 second' THEN 'too late'
                   WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'blocked: the tenant is '
                        || COALESCE(lower(t.status), 'gone')
                   WHEN r.decommissioned_at <= now() THEN 'blocked: the device is decommissioned'
                   ELSE 'ready'
               END AS verdict
        FROM due d
        LEFT JOIN public.device_commands c ON c.tenant_id = d.tenant_id AND c.command_id = d.command_id
        LEFT JOIN public.tenants t ON t.tenant_id = d.tenant_id
        LEFT JOIN public.device_registry r ON r.tenant_id = d.tenant_id AND r.device_id = d.device_id
    ), gone AS (
        DELETE FROM device_console.outbox o USING judged j
        WHERE j.verdict = 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
    ), moved AS (
        UPDATE device_console.outbox o
        SET holder = CASE WHEN j.verdict = 'ready' THEN p_holder END,
            attempt = o.attempt + (j.verdict = 'ready')::integer,
            due_at = CASE
                WHEN j.verdict = 'ready' THEN now() + p_lease
                WHEN j.verdict LIKE 'blocked: %' THEN LEAST(now() + interval '5 seconds', j.expires_at)
                ELSE 'infinity' END,
            last_error = CASE WHEN j.verdict IN ('ready', 'too late') THEN o.last_error ELSE j.verdict END
        FROM judged j
        WHERE j.verdict <> 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt
    ), told AS (
        INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail)
        SELECT j.tenant_id, 'unroutable', left(j.device_id, 256), left(j.command_id, 256), j.verdict
        FROM judged j
        WHERE j.verdict NOT IN ('gone', 'ready', 'too late') AND j.verdict NOT LIKE 'blocked: %'
        ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
        SET count = known.count + 1, last_at = now(), detail = excluded.detail
    )
    SELECT j.tenant_id, j.command_id, j.device_id, j.command_type, j.params,
           LEAST(j.expires_at, timestamptz '9999-12-31 00:00:00+00'),
           CASE WHEN j.expires_at = 'infinity' THEN double precision 'infinity'
                ELSE extract(epoch FROM j.expires_at - clock_timestamp())::double precision END,
           m.attempt
    FROM judged j
    JOIN moved m ON m.tenant_id = j.tenant_id AND m.command_id = j.command_id
    WHERE j.verdict = 'ready'
    ORDER BY j.seq;
END
$$;

-- The broker confirmed: whoever still holds the lease sets published_at. Never writes status.
CREATE FUNCTION device_console.mark(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_nobody_listens BOOLEAN[]
) RETURNS TABLE (tenant_id TEXT, command_id TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM public.device_commands c
    JOIN unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

    RETURN QUERY
    WITH won AS (
        DELETE FROM device_console.outbox o
        USING unnest(p_tenants, p_commands, p_nobody_listens) AS i(tenant_id, command_id, nobody)
        WHERE o.tenant_id = i.tenant_id AND o.command_id = i.command_id AND o.holder = p_holder
        RETURNING o.tenant_id, o.command_id, o.attempt, i.nobody
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT w.tenant_id, w.command_id, CASE WHEN w.nobody THEN 'nobody_listens' ELSE 'attempt' END,
               format('attempt %s was confirmed by the broker', w.attempt)
        FROM won w WHERE w.nobody OR w.attempt > 1
    ), marked AS (
        UPDATE public.device_commands c
        SET published_at = CASE WHEN c.acked_at IS NULL THEN clock_timestamp()
                                ELSE LEAST(c.acked_at, clock_timestamp()) END
        FROM won w
        WHERE c.tenant_id = w.tenant_id AND c.command_id = w.command_id
          AND c.status IN ('queued', 'delivered')
          AND (c.published_at IS NULL OR c.published_at = c.acked_at)
        RETURNING c.tenant_id, c.command_id
    )
    SELECT m.tenant_id, m.command_id FROM marked m;

    PERFORM pg_notify('device_console', i.tenant_id) FROM (SELECT DISTINCT unnest(p_tenants) AS tenant_id) i;
END
$$;

-- Give leases back: refused, unknown or put off. The reason stays on the row.
CREATE FUNCTION device_console.release(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_errors TEXT[], p_delays_s DOUBLE PRECISION[]
) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH given_back AS (
        UPDATE device_console.outbox o
        SET holder = NULL, last_error = left(i.error, 500), due_at = now() + make_interval(secs => i.delay_s)
        FROM unnest(p_tenants, p_commands, p_errors, p_delays_s) AS i(tenant_id, command_id, error, delay_s)
        WHERE o.tenant_id = i.tenant_id AND o.command_id = i.command_id AND o.holder = p_holder
        RETURNING o.tenant_id, o.command_id, o.attempt, o.last_error
    )
    INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
    SELECT g.tenant_id, g.command_id, 'attempt', format('attempt %s: %s', g.attempt, g.last_error)
    FROM given_back g
    WHERE g.attempt <= 20
$$;

-- Take over what another writer inserted and left unpublished.
CREATE FUNCTION device_console.adopt(p_age INTERVAL, p_limit INTEGER) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH adopted AS (
        INSERT INTO device_console.outbox (tenant_id, command_id, device_id)
        SELECT c.tenant_id, c.command_id, c.device_id
        FROM public.device_commands c
        WHERE c.status = 'queued' AND c.published_at IS NULL
          AND c.expires_at > now() + interval '1 second'
          AND c.created_at < now() - p_age
          AND NOT EXISTS (SELECT FROM device_console.outbox o
                          WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id)
        ORDER BY c.created_at, c.command_id
        LIMIT p_limit
        ON CONFLICT DO NOTHING
        RETURNING tenant_id, command_id
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT a.tenant_id, a.command_id, 'adopted', 'another writer had left it unpublished' FROM adopted a
    )
    SELECT count(*)::integer FROM adopted
$$;

-- Seconds until the dispatcher has something to do; null when the outbox holds nothing to publish.
CREATE FUNCTION device_console.next_due() RETURNS DOUBLE PRECISION
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT extract(epoch FROM min(o.due_at) - clock_timestamp())::double precision
    FROM device_console.outbox o WHERE o.due_at < 'infinity'
$$;
