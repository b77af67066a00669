-- Migration 900: the console's own side tables, in the schema device_console (the runner makes it).
-- Numbers from 900 on are the console's; below that they are the platform's.
-- No foreign key points at device_commands: it would put triggers on a table that may not be ours.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_setting('device_console.worker_role')) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', current_setting('device_console.worker_role'));
    END IF;
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND NOT pg_has_role(current_user, current_setting('device_console.worker_role'), 'MEMBER') THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', current_setting('device_console.worker_role'));
    END IF;
END
$$;

-- One row: names this deployment towards the broker, so that two databases never share an MQTT session.
CREATE TABLE device_console.deployment (
    only_row        BOOLEAN     PRIMARY KEY DEFAULT true CHECK (only_row),
    deployment_id   UUID        NOT NULL DEFAULT gen_random_uuid(),
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now()
);
INSERT INTO device_console.deployment DEFAULT VALUES;

-- What waits for publication. due_at is also the end of a lease while holder is set; 'infinity' parks a
-- row that can never be published.
CREATE TABLE device_console.outbox (
    tenant_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    device_id       TEXT        NOT NULL,
    seq             BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY,
    due_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    holder          UUID,
    attempt         INTEGER     NOT NULL DEFAULT 0,
    last_error      TEXT,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, command_id)
);
CREATE INDEX outbox_order ON device_console.outbox (seq);
CREATE INDEX outbox_device_order ON device_console.outbox (tenant_id, device_id, seq);

-- Our record of what happened to a command beyond its row: cancels, retries, failed attempts.
CREATE TABLE device_console.journal (
    tenant_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    entry_id        BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    kind            TEXT        NOT NULL CHECK (kind IN
                    ('cancelled', 'retry_of', 'attempt', 'nobody_listens', 'late_ack', 'unsent', 'adopted')),
    by_name         TEXT,
    detail          TEXT,
    PRIMARY KEY (tenant_id, command_id, entry_id)
);

-- What an operator should see. Equal problems are counted on one row.
CREATE TABLE device_console.problems (
    tenant_id       TEXT        NOT NULL,
    kind            TEXT        NOT NULL,
    device_id       TEXT        NOT NULL,
    command_id      TEXT        NOT NULL,
    detail          TEXT        NOT NULL,
    count           BIGINT      NOT NULL DEFAULT 1,
    first_at        TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, device_id, command_id)
);
CREATE INDEX problems_newest ON device_console.problems (tenant_id, last_at DESC);

ALTER TABLE device_console.outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY outbox_tenant_isolation ON device_console.outbox
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));

ALTER TABLE device_console.journal ENABLE ROW LEVEL SECURITY;
CREATE POLICY journal_tenant_isolation ON device_console.journal
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));

ALTER TABLE device_console.problems ENABLE ROW LEVEL SECURITY;
CREATE POLICY problems_tenant_isolation ON device_console.problems
    USING (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''))
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant_id', true), ''));
