-- Who does which of the long jobs, and in which database.

-- Which database this is, beyond its name: a dump that was restored elsewhere, or a copy by template, is another one.
CREATE OR REPLACE FUNCTION device_console.database_identity() RETURNS TEXT
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.system_identifier || ' ' || d.oid FROM pg_control_system() c, pg_database d
    WHERE d.datname = current_database()
$$;

-- Whether workers may run here: not in a copy, which would send the commands of the original a second time. The first
-- worker, and an operator who accepts the copy, make it the one that works. Nothing is written where there is nothing to write:
-- a server may be read-only at this moment.
CREATE OR REPLACE FUNCTION device_console.is_original(p_accept BOOLEAN) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_here  TEXT := device_console.database_identity();
    v_known TEXT := (SELECT d.identity FROM device_console.deployment d);
BEGIN
    IF v_known = v_here OR current_setting('transaction_read_only') = 'on' THEN
        RETURN COALESCE(v_known = v_here, true);
    END IF;
    UPDATE device_console.deployment d SET identity = v_here WHERE d.identity IS NULL OR p_accept;
    RETURN (SELECT d.identity = v_here FROM device_console.deployment d);
END
$$;

-- A beat in the future is none: the server's clock was set back since.
CREATE OR REPLACE FUNCTION device_console.is_stale(beat_at TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE sql STABLE
RETURN beat_at NOT BETWEEN clock_timestamp() - interval '10 seconds' AND clock_timestamp() + interval '10 seconds';

-- Take a role: the token of the lease, and whether its last holder only fell silent; no row while somebody else holds
-- it, or in a copy of the database. What a silent holder is committing at this moment is not waited for: the next try
-- takes the role. A lease that this process had before ends, and those of processes that it knows to be dead.
CREATE OR REPLACE FUNCTION device_console.take_lease(
    p_role TEXT, p_holder UUID, p_shared BOOLEAN, p_program TEXT, p_host TEXT, p_pid INTEGER, p_machine TEXT,
    p_dead BIGINT[], OUT token BIGINT, OUT was_silent BOOLEAN
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT device_console.is_original(false) THEN
        RAISE EXCEPTION 'this database is a copy' USING ERRCODE = 'DCC01';
    END IF;

    WITH stale AS MATERIALIZED (
        SELECT l.token FROM device_console.leases l
        WHERE (l.role = p_role AND l.holder = p_holder)
           OR ((l.role = p_role OR l.is_shared) AND device_console.is_stale(l.beat_at))
           OR l.token = ANY (p_dead)
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM device_console.leases l USING stale s WHERE l.token = s.token
        RETURNING l.role, l.is_shared, l.beat_at, l.holder <> p_holder AND l.token <> ALL (p_dead) AS fell_silent
    ), noted AS (
        INSERT INTO device_console.lease_ends AS known (role, ended_at)
        SELECT g.role, LEAST(g.beat_at, clock_timestamp()) FROM gone g WHERE NOT g.is_shared
        ON CONFLICT (role) DO UPDATE SET ended_at = excluded.ended_at
    )
    SELECT COALESCE(bool_or(g.fell_silent), false) INTO was_silent FROM gone g WHERE g.role = p_role;

    INSERT INTO device_console.leases AS l (role, holder, is_shared, program, host, pid, machine)
    VALUES (p_role, p_holder, p_shared, left(p_program, 64), left(p_host, 255), p_pid, left(p_machine, 128))
    ON CONFLICT DO NOTHING
    RETURNING l.token INTO token;
END
$$;

-- Who holds a role, for a process of the same machine to see whether it still lives.
CREATE OR REPLACE FUNCTION device_console.lease_owners(p_role TEXT) RETURNS TABLE (token BIGINT, pid INTEGER, machine TEXT)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.token, l.pid, l.machine FROM device_console.leases l WHERE l.role = p_role
$$;

-- A sign of life: the tokens that still hold. Missing ones were taken over.
CREATE OR REPLACE FUNCTION device_console.beat(p_tokens BIGINT[], p_links TEXT[]) RETURNS SETOF BIGINT
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE device_console.leases l SET beat_at = clock_timestamp(), link = left(i.link, 32)
    FROM unnest(p_tokens, p_links) AS i(token, link)
    WHERE l.token = i.token
    RETURNING l.token
$$;

-- Give roles back before ending: the next holder need not wait until they are stale.
CREATE OR REPLACE FUNCTION device_console.give_leases(p_tokens BIGINT[]) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM device_console.leases l WHERE l.token = ANY (p_tokens) RETURNING l.role, l.is_shared
    )
    INSERT INTO device_console.lease_ends AS known (role, ended_at)
    SELECT g.role, clock_timestamp() FROM gone g WHERE NOT g.is_shared
    ON CONFLICT (role) DO UPDATE SET ended_at = excluded.ended_at
$$;

-- The first statement of each write that only the holder may make: whoever lost the lease changes nothing. The lock
-- lets beats through and holds off a take-over until the write is committed.
CREATE OR REPLACE FUNCTION device_console.fence(p_token BIGINT) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM device_console.leases l WHERE l.token = p_token FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease % was taken over', p_token USING ERRCODE = 'DCL01';
    END IF;
END
$$;

-- The answers of a slot are read again: note how long nobody did, and forget all but the newest 200 of such gaps.
CREATE OR REPLACE FUNCTION device_console.ingest_resumed(p_token BIGINT, p_slot INTEGER) RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM device_console.fence(p_token);
    INSERT INTO device_console.ingest_gaps (slot, began_at)
    SELECT p_slot, e.ended_at FROM device_console.lease_ends e JOIN device_console.leases l ON l.role = e.role
    WHERE l.token = p_token AND e.ended_at < clock_timestamp() - interval '2 seconds'
    ON CONFLICT DO NOTHING;
    DELETE FROM device_console.lease_ends e USING device_console.leases l
    WHERE l.token = p_token AND e.role = l.role;
    DELETE FROM device_console.ingest_gaps g WHERE g.ended_at < (
        SELECT newest.ended_at FROM device_console.ingest_gaps newest
        ORDER BY newest.ended_at DESC OFFSET 200 LIMIT 1);
END
$$;

-- What every header, `doctor` and the shell read: which roles have a holder, alive or not, without its tokens.
CREATE OR REPLACE FUNCTION device_console.lease_holders() RETURNS TABLE (
    role TEXT, program TEXT, host TEXT, pid INTEGER, machine TEXT, link TEXT, held_s DOUBLE PRECISION,
    beat_age_s DOUBLE PRECISION, is_stale BOOLEAN
)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.role, l.program, l.host, l.pid, l.machine, l.link,
           extract(epoch FROM clock_timestamp() - l.taken_at)::double precision,
           extract(epoch FROM clock_timestamp() - l.beat_at)::double precision,
           device_console.is_stale(l.beat_at)
    FROM device_console.leases l
    ORDER BY l.role, l.token
$$;

-- Seconds during which nobody read the answers, for one that came after its deadline; null when somebody did.
CREATE OR REPLACE FUNCTION device_console.ingest_gap_s(p_expires_at TIMESTAMPTZ, p_acked_at TIMESTAMPTZ) RETURNS DOUBLE PRECISION
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT extract(epoch FROM g.ended_at - g.began_at)::double precision
    FROM device_console.ingest_gaps g
    WHERE g.began_at <= p_expires_at AND p_acked_at > p_expires_at
      AND p_acked_at BETWEEN g.began_at AND g.ended_at + interval '5 seconds'
    ORDER BY g.ended_at DESC LIMIT 1
$$;

-- Slots that were in use once are remembered: they are emptied before they are given up.
CREATE OR REPLACE FUNCTION device_console.set_ingest_slots(p_slots INTEGER) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE device_console.deployment
    SET ingest_slots = p_slots, ingest_slots_ever = GREATEST(ingest_slots_ever, p_slots)
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.database_identity, device_console.is_original, device_console.is_stale,
        device_console.take_lease, device_console.lease_owners, device_console.beat,
        device_console.give_leases, device_console.fence, device_console.ingest_resumed,
        device_console.lease_holders, device_console.ingest_gap_s, device_console.set_ingest_slots FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.database_identity, device_console.is_original, device_console.is_stale, '
                   'device_console.take_lease, device_console.lease_owners, device_console.beat, '
                   'device_console.give_leases, device_console.fence, device_console.ingest_resumed, '
                   'device_console.lease_holders, device_console.ingest_gap_s, device_console.set_ingest_slots TO %I', current_setting('device_console.worker_role'));
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.is_stale, device_console.lease_holders, device_console.ingest_gap_s TO %I', operator_role);
    END IF;
END
$$;
