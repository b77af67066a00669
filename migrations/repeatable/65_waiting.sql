-- What all tenants' commands wait for together, for whoever watches the workers: how many rows of the outbox, counted up to 100,000, and
-- for how many seconds the oldest of these has waited. What is parked waits for the sweep and is not counted.
CREATE OR REPLACE FUNCTION device_console.waiting(OUT commands INTEGER, OUT oldest_s DOUBLE PRECISION)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*)::integer, GREATEST(COALESCE(extract(epoch FROM clock_timestamp() - min(o.created_at)), 0), 0)::double precision
    FROM (SELECT q.created_at FROM device_console.outbox q WHERE q.due_at < 'infinity' LIMIT 100000) o
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.waiting FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.waiting TO %I', current_setting('device_console.worker_role'));
END
$$;
