-- Decided in docs/decisions/0083-figures-are-folded.md
-- Migration 909: figures of what ended, counted by the fold (repeatable/85_figures.sql), which takes the events out. Operators read them.
-- `ended` is always five counts: ok, failed, late (answered ok after the deadline), missed, expired. `answered` and `counts` are histograms of the
-- time from publication to answer: place n counts answers of at most 2^((n-1)/4) ms and more than the place before; at most 128 places,
-- none behind the last that is not 0. An empty name stands for what has none, and for what came after too many others.

-- How many commands the broker took, a row for each tenant and batch of confirmations. For the console's functions only.
CREATE TABLE device_console.sent_events (
    event_id        BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id       TEXT        NOT NULL,
    sent_at         TIMESTAMPTZ NOT NULL,
    sent            INTEGER     NOT NULL
);

CREATE TABLE device_console.minute_totals (
    tenant_id       TEXT        NOT NULL,
    minute          TIMESTAMPTZ NOT NULL,
    sent            INTEGER     NOT NULL,        -- of which the broker confirmed the publication in this minute
    ended           INTEGER[]   NOT NULL,
    answered        INTEGER[]   NOT NULL,
    PRIMARY KEY (tenant_id, minute)
);

CREATE TABLE device_console.hour_groups (
    tenant_id       TEXT        NOT NULL,
    hour            TIMESTAMPTZ NOT NULL,
    kind            TEXT        NOT NULL CHECK (kind IN ('site', 'model', 'type', 'fw', 'reason', 'sender')),
    name            TEXT        NOT NULL,
    ended           INTEGER[]   NOT NULL,
    PRIMARY KEY (tenant_id, hour, kind, name)
);

CREATE TABLE device_console.type_latency (
    tenant_id       TEXT        NOT NULL,
    command_type    TEXT        NOT NULL,
    model           TEXT        NOT NULL,
    answers         INTEGER     NOT NULL,        -- the sum of counts; beyond 10,000 all are halved, so that it follows a fleet that changes
    counts          INTEGER[]   NOT NULL,
    PRIMARY KEY (tenant_id, command_type, model)
);

-- The newest ends that were not ok, some 5,000 a tenant.
CREATE TABLE device_console.recent_ends (
    tenant_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    outcome         TEXT        NOT NULL CHECK (outcome IN ('failed', 'missed', 'expired')),
    device_id       TEXT        NOT NULL,
    site            TEXT        NOT NULL,
    model           TEXT        NOT NULL,
    fw              TEXT        NOT NULL,
    command_type    TEXT        NOT NULL,
    sender          TEXT        NOT NULL,
    batch_id        TEXT,
    reason          TEXT        NOT NULL,
    PRIMARY KEY (tenant_id, command_id)
);
CREATE INDEX recent_ends_newest ON device_console.recent_ends (tenant_id, at);

-- Each tenant's newest fold. Whoever folds events of a tenant holds its row, so one fold of a tenant comes after the other.
CREATE TABLE device_console.folds (
    tenant_id       TEXT        NOT NULL PRIMARY KEY,
    folded_at       TIMESTAMPTZ NOT NULL,
    added           INTEGER     NOT NULL DEFAULT 0   -- to recent_ends since it was trimmed
);

ALTER TABLE device_console.sent_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.minute_totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.hour_groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.type_latency ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.recent_ends ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.folds ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT ON device_console.minute_totals, device_console.hour_groups, device_console.type_latency, '
                       'device_console.recent_ends, device_console.folds TO %I', operator_role);
    END IF;
END
$$;
