-- Migration 904: one reading of a command for every screen: the row, our journal and the outbox together.
-- security_invoker: the reader's own row-level security applies.

-- Instants that a client can represent; 'infinity' becomes the year 9999.
CREATE FUNCTION device_console.shown(instant TIMESTAMPTZ) RETURNS TIMESTAMPTZ
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN instant IS NOT NULL THEN
        LEAST(GREATEST(instant, timestamptz '0001-01-02 00:00:00+00'), timestamptz '9999-12-31 00:00:00+00')
    END
$$;

CREATE VIEW device_console.command_view WITH (security_invoker = true) AS
SELECT c.tenant_id, c.command_id, c.device_id, c.command_type, c.status,
       c.created_at, c.expires_at, c.created_by, c.published_at, c.acked_at,
       c.ack_details ->> 'status' AS ack_status,
       c.command_params, c.ack_details,
       x.at AS cancelled_at, x.by_name AS cancelled_by,
       COALESCE(o.attempt, 0) AS attempts, o.last_error,
       CASE
           WHEN c.status = 'queued' AND c.published_at IS NULL THEN 'waiting'
           WHEN c.status = 'queued' THEN 'published'
           WHEN c.status = 'delivered' AND COALESCE(c.ack_details ->> 'status', 'ok') = 'ok' THEN 'ok'
           WHEN c.status = 'delivered' THEN 'failed'
           WHEN c.status = 'expired' AND x.at IS NOT NULL THEN 'cancelled'
           WHEN c.status IN ('missed', 'expired') THEN c.status
           ELSE 'unknown'
       END AS phase
FROM public.device_commands c
LEFT JOIN LATERAL (
    SELECT j.at, j.by_name FROM device_console.journal j
    WHERE j.tenant_id = c.tenant_id AND j.command_id = c.command_id AND j.kind = 'cancelled'
    ORDER BY j.entry_id LIMIT 1
) x ON c.status IN ('expired', 'delivered')
LEFT JOIN device_console.outbox o
       ON c.status = 'queued' AND o.tenant_id = c.tenant_id AND o.command_id = c.command_id;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.shown FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT ON device_console.command_view TO %I', operator_role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.shown TO %I', operator_role);
    END IF;
END
$$;
