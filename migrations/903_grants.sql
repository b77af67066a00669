-- Migration 903: who may do what. On tables that existed before us, nothing is granted.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA device_console FROM PUBLIC;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
    worker_role   TEXT := current_setting('device_console.worker_role');
    ours          TEXT[] := string_to_array(current_setting('device_console.own_tables'), ' ');
    own_table     TEXT;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT USAGE ON SCHEMA device_console TO %I', operator_role);
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON device_console.outbox TO %I', operator_role);
        EXECUTE format('GRANT SELECT, INSERT ON device_console.journal TO %I', operator_role);
        EXECUTE format('GRANT SELECT ON device_console.problems, device_console.deployment, '
                       'device_console.migrations TO %I', operator_role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.id_is_routable TO %I', operator_role);
        FOREACH own_table IN ARRAY ours LOOP
            EXECUTE format('GRANT SELECT ON public.%I TO %I', own_table, operator_role);
        END LOOP;
        IF 'device_commands' = ANY (ours) THEN
            EXECUTE format('GRANT INSERT ON public.device_commands TO %I', operator_role);
            EXECUTE format('GRANT UPDATE (status) ON public.device_commands TO %I', operator_role);
        END IF;
    END IF;

    EXECUTE format('GRANT USAGE ON SCHEMA device_console TO %I', worker_role);
    EXECUTE format('GRANT SELECT ON device_console.deployment TO %I', worker_role);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA device_console TO %I', worker_role);
END
$$;
