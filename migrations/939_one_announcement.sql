-- Migration 939: functions that were replaced since 924 notify as the others do, and the view of commands reads the word of an answer
-- without writing out what is no word.

DO $$
DECLARE
    v_function REGPROCEDURE;
BEGIN
    FOR v_function IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'device_console'::regnamespace AND p.proname IN ('mark', 'acknowledge', 'progressed')
          AND p.prosrc LIKE '%pg_notify(''device_console''%'
    LOOP
        EXECUTE regexp_replace(
            pg_get_functiondef(v_function),
            'PERFORM pg_notify\(''device_console'', i\.tenant_id\)\s+FROM \(SELECT DISTINCT unnest\(p_tenants\) AS tenant_id\) i[^;]*;',
            'PERFORM device_console.announce(p_tenants);', 'g');
    END LOOP;
END
$$;

-- The word of an answer: a text, cut, or what stands there instead, where that is short.
CREATE FUNCTION device_console.ack_word(p_answer JSONB) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(p_answer -> 'status')
    WHEN 'string' THEN left(p_answer ->> 'status', 1000)
    WHEN 'null' THEN NULL
    ELSE device_console.json_shown(p_answer -> 'status', 1000) END;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW device_console.command_view WITH (security_invoker = true) AS '
            || replace(pg_get_viewdef('device_console.command_view'::regclass),
                       '(c.ack_details ->> ''status''::text)', 'device_console.ack_word(c.ack_details)');
    REVOKE ALL ON FUNCTION device_console.ack_word FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.ack_word TO %I', operator_role);
    END IF;
END
$$;
