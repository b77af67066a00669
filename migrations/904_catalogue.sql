-- Migration 904: which commands a device's model takes, and what their params and answers look like.
-- The platform's later versions have this table; a registry that existed before us gets no column of ours, and
-- where the table is missing the console does without it.

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    IF 'device_registry' <> ALL (string_to_array(current_setting('device_console.own_tables'), ' '))
       OR to_regclass('public.template_commands') IS NOT NULL THEN
        RETURN;
    END IF;
    ALTER TABLE public.device_registry ADD COLUMN IF NOT EXISTS template_id INTEGER;
    CREATE TABLE public.template_commands (
        template_id         INTEGER     NOT NULL,
        command_key         TEXT        NOT NULL,
        display_name        TEXT        NOT NULL,
        parameters_schema   JSONB,                  -- JSON Schema of the params
        response_schema     JSONB,                  -- JSON Schema of the details of an answer
        description         TEXT,
        sort_order          INTEGER     NOT NULL DEFAULT 0,   -- in which the commands are offered
        PRIMARY KEY (template_id, command_key)
    );
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT SELECT ON public.template_commands TO %I', operator_role);
    END IF;
END
$$;
