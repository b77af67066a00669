-- Migration 908: bulk sends: what was sent to whom together, and which batch repeats which.
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
    PRIMARY KEY (tenant_id, batch_id)
);
CREATE INDEX batches_newest ON device_console.batches (tenant_id, created_at DESC);

CREATE TABLE device_console.batch_members (
    tenant_id       TEXT        NOT NULL,
    batch_id        TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    PRIMARY KEY (tenant_id, command_id)
);
CREATE INDEX batch_members_of ON device_console.batch_members (tenant_id, batch_id);

ALTER TABLE device_console.batches ENABLE ROW LEVEL SECURITY;
CREATE POLICY batches_tenant_isolation ON device_console.batches
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));

ALTER TABLE device_console.batch_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY batch_members_tenant_isolation ON device_console.batch_members
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT, INSERT ON device_console.batches, device_console.batch_members TO %I',
                       operator_role);
        EXECUTE format('GRANT UPDATE (stopped_at, stopped_by) ON device_console.batches TO %I', operator_role);
    END IF;
END
$$;
