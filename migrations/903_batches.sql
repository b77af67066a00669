-- Migration 903: bulk sends: what was sent to whom together, and which batch repeats which.
-- A command's id follows from the batch and the device, so an interrupted send can simply go on.

CREATE TABLE device_console.batches (
    tenant_id       TEXT        NOT NULL,
    batch_id        TEXT        NOT NULL,
    command_type    TEXT        NOT NULL,
    params          JSONB       NOT NULL,
    ttl_s           DOUBLE PRECISION NOT NULL,
    target          TEXT        NOT NULL,        -- the filter or the marks, in words
    wanted          INTEGER     NOT NULL,        -- devices in the preview that was confirmed
    retry_of        TEXT,                        -- the batch whose failures this one repeats
    created_by      TEXT,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    stopped_at      TIMESTAMPTZ,
    stopped_by      TEXT,
    PRIMARY KEY (tenant_id, batch_id),
    CONSTRAINT batches_ttl_s CHECK (ttl_s BETWEEN 0 AND 3155760000),
    CONSTRAINT batches_wanted CHECK (wanted >= 0),
    CONSTRAINT batches_created_at CHECK (created_at BETWEEN '2000-01-01' AND '9999-12-31')
);
CREATE INDEX batches_newest ON device_console.batches (tenant_id, created_at DESC);

CREATE TABLE device_console.batch_members (
    tenant_id       TEXT        NOT NULL,
    batch_id        TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    PRIMARY KEY (tenant_id, command_id)
);
CREATE INDEX batch_members_of ON device_console.batch_members (tenant_id, batch_id);

-- Whom a batch was meant for, so that a send whose process died half-way can go on.
CREATE TABLE device_console.batch_targets (
    tenant_id       TEXT        NOT NULL,
    batch_id        TEXT        NOT NULL,
    device_ids      TEXT[]      NOT NULL,
    retried         TEXT[],                      -- the commands that a retry repeats, in the same order
    PRIMARY KEY (tenant_id, batch_id)
);

ALTER TABLE device_console.batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.batch_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_console.batch_targets ENABLE ROW LEVEL SECURITY;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT ON device_console.batches TO %I', operator_role);
        EXECUTE format('GRANT INSERT (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, retry_of, '
                       'created_by) ON device_console.batches TO %I', operator_role);
        EXECUTE format('GRANT UPDATE (stopped_at, stopped_by) ON device_console.batches TO %I', operator_role);
        EXECUTE format('GRANT SELECT, INSERT ON device_console.batch_members, device_console.batch_targets TO %I',
                       operator_role);
    END IF;
END
$$;
