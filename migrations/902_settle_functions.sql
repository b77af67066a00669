-- Migration 902: what the acknowledger and the sweeper may do, as definer functions.

-- One batch of acknowledgements. Rows are locked in primary-key order; the first ACK of the addressed
-- device wins; everything else is classified and becomes a problem, never a change.
CREATE FUNCTION device_console.acknowledge(
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
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack::jsonb AS ack
        FROM unnest(p_tenants, p_devices, p_commands, p_acks)
             WITH ORDINALITY AS i(tenant_id, device_id, command_id, ack, n)
    ), firsts AS MATERIALIZED (
        -- the device belongs to the key: on two columns a forged ACK would suppress the real one
        SELECT DISTINCT ON (i.tenant_id, i.command_id, i.device_id) i.*
        FROM input i ORDER BY i.tenant_id, i.command_id, i.device_id, i.n
    ), before AS MATERIALIZED (
        SELECT f.n, f.tenant_id, f.command_id, f.ack, c.status, c.ack_details,
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
          AND c.status IN ('queued', 'missed', 'expired') AND b.status <> 'delivered'
          AND (p_accept_late OR NOT b.is_late)
        RETURNING b.n, b.is_late
    ), verdicts AS (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack,
               CASE
                   WHEN c.command_id IS NULL THEN 'unknown'
                   WHEN c.device_id <> i.device_id THEN 'forged'
                   WHEN w.n IS NOT NULL AND w.is_late THEN 'late'
                   WHEN w.n IS NOT NULL THEN 'acked'
                   WHEN b.status <> 'delivered' AND b.is_late AND NOT p_accept_late THEN 'late recorded'
                   WHEN i.ack = COALESCE(CASE WHEN b.status = 'delivered' THEN b.ack_details END, b.ack)
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
        SELECT v.tenant_id, v.command_id, 'late_ack', left(v.ack::text, 4000)
        FROM verdicts v JOIN firsts f ON f.n = v.n
        WHERE v.outcome = 'late recorded'
          AND NOT EXISTS (SELECT FROM device_console.journal j
                          WHERE j.tenant_id = v.tenant_id AND j.command_id = v.command_id
                            AND j.kind = 'late_ack')
    )
    SELECT array_agg(v.outcome ORDER BY v.n) INTO v_outcomes FROM verdicts v;

    PERFORM pg_notify('device_console', i.tenant_id)
    FROM (SELECT DISTINCT unnest(p_tenants) AS tenant_id) i WHERE device_console.id_is_routable(i.tenant_id);
    RETURN QUERY SELECT o.n::integer, o.outcome FROM unnest(v_outcomes) WITH ORDINALITY AS o(outcome, n);
END
$$;

-- One bounded batch of the expiry rule. Call again with next_cursor until settled = 0.
CREATE FUNCTION device_console.sweep(
    p_cursor TIMESTAMPTZ, p_limit INTEGER,
    OUT missed INTEGER, OUT expired INTEGER, OUT next_cursor TIMESTAMPTZ, OUT lateness_s DOUBLE PRECISION
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenants TEXT[];
BEGIN
    WITH due AS MATERIALIZED (
        SELECT c.ctid AS row_id, c.expires_at
        FROM public.device_commands c
        WHERE c.status = 'queued' AND c.expires_at <= now() AND c.expires_at >= p_cursor
          AND NOT EXISTS (
              SELECT FROM device_console.outbox o
              WHERE o.tenant_id = c.tenant_id AND o.command_id = c.command_id
                AND o.holder IS NOT NULL AND o.due_at > now())
        ORDER BY c.expires_at
        LIMIT p_limit
        FOR UPDATE OF c SKIP LOCKED
    ), settled AS (
        UPDATE public.device_commands c
        SET status = CASE WHEN c.published_at IS NULL THEN 'expired' ELSE 'missed' END
        FROM due
        WHERE c.ctid = due.row_id AND c.status = 'queued'
        RETURNING c.tenant_id, c.command_id, c.status, c.expires_at
    ), dropped AS (
        DELETE FROM device_console.outbox o USING settled s
        WHERE o.tenant_id = s.tenant_id AND o.command_id = s.command_id
        RETURNING o.tenant_id, o.command_id, o.attempt, o.last_error
    ), noted AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT d.tenant_id, d.command_id, 'unsent',
               format('after %s attempts: %s', d.attempt, COALESCE(d.last_error, 'its turn never came'))
        FROM dropped d
    )
    SELECT count(*) FILTER (WHERE s.status = 'missed'), count(*) FILTER (WHERE s.status = 'expired'),
           max(s.expires_at),
           COALESCE(extract(epoch FROM clock_timestamp() - min(s.expires_at) FILTER (WHERE isfinite(s.expires_at))), 0),
           array_agg(DISTINCT s.tenant_id)
    INTO missed, expired, next_cursor, lateness_s, v_tenants
    FROM settled s;

    PERFORM pg_notify('device_console', t) FROM unnest(v_tenants) AS t WHERE device_console.id_is_routable(t);
END
$$;

-- Seconds until the next queued command is overdue; negative when one is, null when none is queued.
CREATE FUNCTION device_console.next_deadline() RETURNS DOUBLE PRECISION
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT extract(epoch FROM GREATEST(c.expires_at, timestamptz '1970-01-01') - clock_timestamp())::double precision
    FROM public.device_commands c
    WHERE c.status = 'queued' AND c.expires_at < 'infinity'
    ORDER BY c.expires_at LIMIT 1
$$;

-- Keep each tenant's problems bounded: the newest p_keep stay.
CREATE FUNCTION device_console.trim_problems(p_keep INTEGER) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH ranked AS (
        SELECT p.ctid AS row_id, row_number() OVER (PARTITION BY p.tenant_id ORDER BY p.last_at DESC) AS place
        FROM device_console.problems p
    ), gone AS (
        DELETE FROM device_console.problems p USING ranked r
        WHERE p.ctid = r.row_id AND r.place > p_keep RETURNING 1
    )
    SELECT count(*)::integer FROM gone
$$;
