-- Migration 900: the console's own schema (the runner makes it): who works in it, and what it knows about itself.
-- Numbers from 900 on are the console's; below that they are the platform's. Numbered files make tables and are never changed;
-- functions, triggers and policies stand in the folder repeatable, once each, and are replaced whole.
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

-- Which text of each repeatable file runs here, and by which version of the program it was put there.
CREATE TABLE device_console.repeatables (
    name            TEXT        PRIMARY KEY,
    checksum        TEXT        NOT NULL,
    program         TEXT        NOT NULL,
    applied_at      TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- One row. deployment_id names this deployment towards the broker, so that two databases never share an MQTT session.
CREATE TABLE device_console.deployment (
    only_row            BOOLEAN     PRIMARY KEY DEFAULT true CHECK (only_row),
    deployment_id       UUID        NOT NULL DEFAULT gen_random_uuid(),
    created_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- How many processes may share the acknowledgements: one slot is one MQTT session of the broker. The other is the greatest
    -- number so far: slots beyond are emptied before they are given up, because the broker goes on dealing to a dead session.
    ingest_slots        INTEGER     NOT NULL DEFAULT 1 CHECK (ingest_slots BETWEEN 1 AND 16),
    ingest_slots_ever   INTEGER     NOT NULL DEFAULT 1 CHECK (ingest_slots_ever BETWEEN 1 AND 16),
    identity            TEXT,                        -- the database in which its workers run; null before the first of them
    notify_key          TEXT        NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text
);
INSERT INTO device_console.deployment DEFAULT VALUES;

-- Which tenants a login may choose. A login without a row here may choose any; the owner writes this table, nobody else.
CREATE TABLE device_console.login_tenants (
    login           TEXT        NOT NULL,
    tenant_id       TEXT        NOT NULL,
    PRIMARY KEY (login, tenant_id)
);
ALTER TABLE device_console.login_tenants ENABLE ROW LEVEL SECURITY;

-- On tables that existed before us, nothing is granted. An operator reads no row of deployment: whoever knows the name of our
-- session at the broker may take its place there.
DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
    worker_role   TEXT := current_setting('device_console.worker_role');
    ours          TEXT[] := string_to_array(current_setting('device_console.own_tables'), ' ');
    own_table     TEXT;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA device_console TO %I', worker_role);
    EXECUTE format('GRANT SELECT ON device_console.deployment TO %I', worker_role);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT USAGE ON SCHEMA device_console TO %I', operator_role);
        EXECUTE format('GRANT SELECT ON device_console.migrations, device_console.repeatables TO %I', operator_role);
        FOREACH own_table IN ARRAY ours LOOP
            EXECUTE format('GRANT SELECT ON public.%I TO %I', own_table, operator_role);
        END LOOP;
        IF 'device_commands' = ANY (ours) THEN
            EXECUTE format('GRANT INSERT ON public.device_commands TO %I', operator_role);
            EXECUTE format('GRANT UPDATE (status) ON public.device_commands TO %I', operator_role);
        END IF;
    END IF;
END
$$;
