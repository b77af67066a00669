-- Migration 907: two writers that locked in an order of their own, so that they could deadlock with the others.
-- Rights and owners stay as they are.

-- Give leases back: refused, unknown or put off. The reason stays on the row. The commands are locked first, as
-- every writer does: a dispatcher whose lease is over may give back what the sweep is settling.
CREATE OR REPLACE FUNCTION device_console.release(
    p_holder UUID, p_tenants TEXT[], p_commands TEXT[], p_errors TEXT[], p_delays_s DOUBLE PRECISION[]
) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM public.device_commands c
    JOIN unnest(p_tenants, p_commands) AS i(tenant_id, command_id)
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

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
    WHERE g.attempt <= 20;
END
$$;

-- Keep each tenant's problems bounded: the newest p_keep stay. What is being counted at this moment stays, too,
-- so that trimming never waits while it holds rows.
CREATE OR REPLACE FUNCTION device_console.trim_problems(p_keep INTEGER) RETURNS INTEGER
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH ranked AS MATERIALIZED (
        SELECT p.tenant_id, p.kind, p.device_id, p.command_id,
               row_number() OVER (PARTITION BY p.tenant_id ORDER BY p.last_at DESC) AS place
        FROM device_console.problems p
    ), old AS MATERIALIZED (
        SELECT p.ctid AS row_id
        FROM device_console.problems p
        JOIN ranked r ON p.tenant_id = r.tenant_id AND p.kind = r.kind
                     AND p.device_id = r.device_id AND p.command_id = r.command_id
        WHERE r.place > p_keep
        FOR UPDATE OF p SKIP LOCKED
    ), gone AS (
        DELETE FROM device_console.problems p USING old WHERE p.ctid = old.row_id RETURNING 1
    )
    SELECT count(*)::integer FROM gone
$$;
