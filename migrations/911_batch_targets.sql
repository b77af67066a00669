-- Migration 911: whom a batch was meant for, so that a send whose process died half-way can go on.

CREATE TABLE device_console.batch_targets (
    tenant_id       TEXT        NOT NULL,
    batch_id        TEXT        NOT NULL,
    device_ids      TEXT[]      NOT NULL,
    retried         TEXT[],                      -- the commands that a retry repeats, in the same order
    PRIMARY KEY (tenant_id, batch_id)
);

ALTER TABLE device_console.batch_targets ENABLE ROW LEVEL SECURITY;
CREATE POLICY batch_targets_tenant_isolation ON device_console.batch_targets
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT, INSERT ON device_console.batch_targets TO %I', operator_role);
    END IF;
END
$$;
