-- Migration 913: who does which of the long jobs, and when that process last gave a sign of life.
-- A session advisory lock stays with a process that is stopped, asleep or cut off: its backend lives. A lease does not:
-- it has to be renewed by a beat, is stale after ten seconds without one, and may then be taken by another.

CREATE TABLE device_console.leases (
    token           BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- rises with each take: it fences
    role            TEXT        NOT NULL CHECK (length(role) BETWEEN 1 AND 64),
    holder          UUID        NOT NULL,        -- one run of one process
    is_shared       BOOLEAN     NOT NULL,        -- any number may hold this role
    program         TEXT        NOT NULL CHECK (length(program) <= 64),
    host            TEXT        NOT NULL CHECK (length(host) <= 255),
    pid             INTEGER     NOT NULL,
    machine         TEXT        NOT NULL CHECK (length(machine) <= 128),  -- where that pid means something
    link            TEXT        NOT NULL DEFAULT '' CHECK (length(link) <= 32),   -- to the broker; '' is none
    taken_at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    beat_at         TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (role, holder)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX leases_sole_holder ON device_console.leases (role) WHERE NOT is_shared;

-- Until when a role was really held: its holder gave it back then, or gave its last sign of life.
CREATE TABLE device_console.lease_ends (
    role            TEXT        PRIMARY KEY,
    ended_at        TIMESTAMPTZ NOT NULL
);

-- When nobody read the answers: Explain says so of an answer that came late for that reason.
CREATE TABLE device_console.ingest_gaps (
    slot            INTEGER     NOT NULL,
    began_at        TIMESTAMPTZ NOT NULL,
    ended_at        TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (ended_at, slot)
);

ALTER TABLE device_console.leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.lease_ends ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.ingest_gaps ENABLE ROW LEVEL SECURITY;

-- A beat in the future is none: the server's clock was set back since.
CREATE FUNCTION device_console.is_stale(beat_at TIMESTAMPTZ) RETURNS BOOLEAN
LANGUAGE sql STABLE
RETURN beat_at NOT BETWEEN clock_timestamp() - interval '10 seconds' AND clock_timestamp() + interval '10 seconds';

-- Which database this is, beyond its name: a dump that was restored elsewhere, or a copy by template, is another one.
CREATE FUNCTION device_console.database_identity() RETURNS TEXT
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.system_identifier || ' ' || d.oid FROM pg_control_system() c, pg_database d
    WHERE d.datname = current_database()
$$;

-- The database in which the workers of this deployment run; null before the first of them.
ALTER TABLE device_console.deployment ADD COLUMN identity TEXT;

-- Whether workers may run here: not in a copy, which would send the commands of the original a second time. The first
-- worker, and an operator who accepts the copy, make it the one that works.
CREATE FUNCTION device_console.is_original(p_accept BOOLEAN) RETURNS BOOLEAN
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE device_console.deployment d SET identity = device_console.database_identity()
    WHERE d.identity IS NULL OR (p_accept AND d.identity <> device_console.database_identity());
    RETURN (SELECT d.identity = device_console.database_identity() FROM device_console.deployment d);
END
$$;

-- Take a role: the token of the lease, and whether its last holder only fell silent; no row while somebody else holds
-- it, or in a copy of the database. What a silent holder is committing at this moment is not waited for: the next try
-- takes the role. A lease that this process had before ends, and those of processes that it knows to be dead.
CREATE FUNCTION device_console.take_lease(
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
CREATE FUNCTION device_console.lease_owners(p_role TEXT) RETURNS TABLE (token BIGINT, pid INTEGER, machine TEXT)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.token, l.pid, l.machine FROM device_console.leases l WHERE l.role = p_role
$$;

-- A sign of life: the tokens that still hold. Missing ones were taken over.
CREATE FUNCTION device_console.beat(p_tokens BIGINT[], p_links TEXT[]) RETURNS SETOF BIGINT
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE device_console.leases l SET beat_at = clock_timestamp(), link = left(i.link, 32)
    FROM unnest(p_tokens, p_links) AS i(token, link)
    WHERE l.token = i.token
    RETURNING l.token
$$;

-- Give roles back before ending: the next holder need not wait until they are stale.
CREATE FUNCTION device_console.give_leases(p_tokens BIGINT[]) RETURNS VOID
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
CREATE FUNCTION device_console.fence(p_token BIGINT) RETURNS VOID
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
CREATE FUNCTION device_console.ingest_resumed(p_token BIGINT, p_slot INTEGER) RETURNS VOID
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
CREATE FUNCTION device_console.lease_holders() RETURNS TABLE (
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
CREATE FUNCTION device_console.ingest_gap_s(p_expires_at TIMESTAMPTZ, p_acked_at TIMESTAMPTZ) RETURNS DOUBLE PRECISION
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT extract(epoch FROM g.ended_at - g.began_at)::double precision
    FROM device_console.ingest_gaps g
    WHERE g.began_at <= p_expires_at AND p_acked_at > p_expires_at
      AND p_acked_at BETWEEN g.began_at AND g.ended_at + interval '5 seconds'
    ORDER BY g.ended_at DESC LIMIT 1
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
    worker_role   TEXT := current_setting('device_console.worker_role');
    reads         TEXT := 'device_console.lease_holders(), '
                          'device_console.ingest_gap_s(timestamptz, timestamptz), '
                          'device_console.is_stale(timestamptz)';
    writes        TEXT := 'device_console.take_lease(text, uuid, boolean, text, text, integer, text, bigint[]), '
                          'device_console.database_identity(), device_console.is_original(boolean), '
                          'device_console.lease_owners(text), '
                          'device_console.beat(bigint[], text[]), device_console.give_leases(bigint[]), '
                          'device_console.fence(bigint), device_console.ingest_resumed(bigint, integer)';
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION %s, %s FROM PUBLIC', reads, writes);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s, %s TO %I', reads, writes, worker_role);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', reads, operator_role);
    END IF;
END
$$;
