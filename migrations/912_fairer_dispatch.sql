-- Migration 912: no row of the outbox stops another's, and no problem of a tenant that does not exist pushes out others.
-- Rights and owners of the functions stay as they are.

-- The order of one device's commands is that of their creation, also for rows that are taken over later.
UPDATE device_console.outbox o SET created_at = c.created_at
FROM public.device_commands c
WHERE c.tenant_id = o.tenant_id AND c.command_id = o.command_id AND c.created_at <> o.created_at;
DROP INDEX device_console.outbox_device_order;
CREATE INDEX outbox_device_order ON device_console.outbox (tenant_id, device_id, created_at, seq);

-- The same rule as before, with a body that is bound when it is made: it needs no search_path of its own, so that the
-- planner puts it into the statement instead of calling it for each row.
CREATE OR REPLACE FUNCTION device_console.id_is_routable(value TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN length(value) BETWEEN 1 AND 128
   AND value !~ '[/+#\x01-\x1f\x7f-\x9f]'
   AND value !~ '^\s|\s$';

-- Count problems. What comes on topics of no tenant is one row that names nobody: it belongs to none (''), and
-- every operator may read it, like trouble with the links.
CREATE OR REPLACE FUNCTION device_console.record_problems(
    p_tenants TEXT[], p_kinds TEXT[], p_devices TEXT[], p_commands TEXT[], p_details TEXT[]
) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
    SELECT p.tenant_id, p.kind, p.device_id, p.command_id, left(max(p.detail), 1000), count(*)
    FROM (
        SELECT COALESCE(t.tenant_id, '') AS tenant_id,
               CASE WHEN ours THEN i.kind ELSE 'unknown tenant' END AS kind,
               CASE WHEN ours THEN left(i.device_id, 256) ELSE '' END AS device_id,
               CASE WHEN ours THEN left(i.command_id, 256) ELSE '' END AS command_id,
               CASE WHEN ours THEN i.detail
                    ELSE 'answers came on topics of tenants that this database does not have' END AS detail
        FROM unnest(p_tenants, p_kinds, p_devices, p_commands, p_details)
             AS i(tenant_id, kind, device_id, command_id, detail)
        LEFT JOIN public.tenants t ON t.tenant_id = i.tenant_id
        CROSS JOIN LATERAL (SELECT t.tenant_id IS NOT NULL OR i.kind = 'link' AS ours) AS o
    ) p
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
    SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
$$;

DELETE FROM device_console.problems WHERE tenant_id = '' AND kind <> 'link';
DROP POLICY problems_of_the_links ON device_console.problems;
CREATE POLICY problems_of_nobody ON device_console.problems FOR SELECT
    USING (tenant_id = '' AND kind IN ('link', 'unknown tenant')
           AND NULLIF(current_setting('app.tenant_id', true), '') IS NOT NULL);

-- Lease due commands, oldest first, at most one per device: a later command never overtakes an earlier live one, nor
-- one that another writer has left unpublished. Commands that can never be published are parked, blocked ones put off:
-- those of a stopped batch, too, so that the stop does not race the dispatcher for each thousand.
-- Params become text only for what is given out, and for the look at their size.
CREATE OR REPLACE FUNCTION device_console.claim(
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
                AND (earlier.created_at, earlier.seq) < (o.created_at, o.seq) AND earlier.due_at < 'infinity')
        ORDER BY o.seq
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), judged AS MATERIALIZED (
        SELECT d.tenant_id, d.command_id, d.seq, COALESCE(c.device_id, d.device_id) AS device_id,
               c.command_type, c.expires_at,
               CASE
                   WHEN c.command_id IS NULL OR c.status <> 'queued' OR c.published_at IS NOT NULL THEN 'gone'
                   WHEN NOT device_console.id_is_routable(d.tenant_id) THEN 'the tenant id cannot be routed'
                   WHEN NOT device_console.id_is_routable(c.device_id) THEN 'the device id cannot be routed'
                   WHEN NOT device_console.id_is_routable(d.command_id) THEN 'the command id cannot be routed'
                   WHEN jsonb_typeof(c.command_params) IS DISTINCT FROM 'object' THEN 'params are not an object'
                   WHEN pg_column_size(c.command_params) > 16 * p_max_bytes THEN 'params are too large'
                   WHEN octet_length(c.command_params::text) > p_max_bytes THEN 'params are too large'
                   WHEN c.expires_at < now() + interval '1 second' THEN 'too late'
                   WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'blocked: the tenant is '
                        || COALESCE(lower(t.status), 'gone')
                   WHEN r.decommissioned_at <= now() THEN 'blocked: the device is decommissioned'
                   WHEN EXISTS (
                       SELECT FROM device_console.batch_members m
                       JOIN device_console.batches b ON b.tenant_id = m.tenant_id AND b.batch_id = m.batch_id
                       WHERE m.tenant_id = d.tenant_id AND m.command_id = d.command_id
                         AND b.stopped_at IS NOT NULL)
                       THEN 'blocked: its batch was stopped'
                   WHEN EXISTS (
                       SELECT FROM public.device_commands older
                       WHERE older.tenant_id = c.tenant_id AND older.device_id = c.device_id
                         AND older.status = 'queued' AND older.published_at IS NULL
                         AND older.created_at < c.created_at
                         AND older.expires_at > now() + interval '1 second'
                         AND NOT EXISTS (SELECT FROM device_console.outbox o
                                         WHERE o.tenant_id = older.tenant_id AND o.command_id = older.command_id))
                       THEN 'waits'
                   ELSE 'ready'
               END AS verdict
        FROM due d
        LEFT JOIN public.device_commands c ON c.tenant_id = d.tenant_id AND c.command_id = d.command_id
        LEFT JOIN public.tenants t ON t.tenant_id = d.tenant_id
        LEFT JOIN public.device_registry r ON r.tenant_id = d.tenant_id AND r.device_id = c.device_id
    ), gone AS (
        DELETE FROM device_console.outbox o USING judged j
        WHERE j.verdict = 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
    ), moved AS (
        UPDATE device_console.outbox o
        SET holder = CASE WHEN j.verdict = 'ready' THEN p_holder END,
            attempt = o.attempt + (j.verdict = 'ready')::integer,
            due_at = CASE
                WHEN j.verdict = 'ready' THEN now() + p_lease
                WHEN j.verdict = 'waits' THEN LEAST(now() + interval '1 second', j.expires_at)
                WHEN j.verdict LIKE 'blocked: %' THEN LEAST(now() + interval '5 seconds', j.expires_at)
                ELSE 'infinity' END,
            last_error = CASE
                WHEN j.verdict IN ('ready', 'too late') THEN o.last_error
                WHEN j.verdict = 'waits' THEN 'an earlier command of another program is not published yet'
                ELSE j.verdict END
        FROM judged j
        WHERE j.verdict <> 'gone' AND o.tenant_id = j.tenant_id AND o.command_id = j.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt
    ), told AS (
        INSERT INTO device_console.problems AS known (tenant_id, kind, device_id, command_id, detail, count)
        SELECT j.tenant_id, 'unroutable', left(j.device_id, 256), left(j.command_id, 256), max(j.verdict), count(*)
        FROM judged j
        WHERE j.verdict NOT IN ('gone', 'ready', 'waits', 'too late') AND j.verdict NOT LIKE 'blocked: %'
        GROUP BY 1, 2, 3, 4
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (tenant_id, kind, device_id, command_id) DO UPDATE
        SET count = known.count + excluded.count, last_at = now(), detail = excluded.detail
    )
    SELECT j.tenant_id, j.command_id, j.device_id, j.command_type, c.command_params::text,
           LEAST(j.expires_at, timestamptz '9999-12-31 00:00:00+00'),
           CASE WHEN j.expires_at = 'infinity' THEN double precision 'infinity'
                ELSE extract(epoch FROM j.expires_at - clock_timestamp())::double precision END,
           m.attempt
    FROM judged j
    JOIN moved m ON m.tenant_id = j.tenant_id AND m.command_id = j.command_id
    JOIN public.device_commands c ON c.tenant_id = j.tenant_id AND c.command_id = j.command_id
    WHERE j.verdict = 'ready'
    ORDER BY j.seq;
END
$$;

-- Take over what another writer inserted and left unpublished, at the place that its creation gives it.
CREATE OR REPLACE FUNCTION device_console.adopt(p_age INTERVAL, p_limit INTEGER) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH adopted AS (
        INSERT INTO device_console.outbox (tenant_id, command_id, device_id, created_at)
        SELECT c.tenant_id, c.command_id, c.device_id, c.created_at
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
