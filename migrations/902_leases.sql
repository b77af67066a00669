-- Migration 902: who does which of the long jobs, and when that process last gave a sign of life.
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
