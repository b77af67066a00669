-- Migration 956: no view of ours stands on a table of others, and no function of ours expects their columns to be text.
-- PostgreSQL refuses to change the type of a column that a view uses, so the view of commands stopped the owner of
-- device_commands; each statement brings that reading itself now. And plpgsql refuses to return a varchar as a text.

DROP VIEW device_console.command_view;

DO $$
DECLARE
    v_change  RECORD;
    v_text    TEXT;
    v_changed TEXT;
BEGIN
    FOR v_change IN
        SELECT * FROM (VALUES
            ('lease', 'SELECT j.tenant_id, j.command_id, j.device_id, j.command_type, c.command_params::text,',
             'SELECT j.tenant_id::text, j.command_id::text, j.device_id::text, j.command_type::text, c.command_params::text,'),
            ('mark', 'RETURNING c.tenant_id, c.command_id', 'RETURNING c.tenant_id::text, c.command_id::text')
        ) AS c(function, before, after)
    LOOP
        SELECT pg_get_functiondef(p.oid) INTO STRICT v_text FROM pg_proc p
        WHERE p.pronamespace = 'device_console'::regnamespace AND p.proname = v_change.function;
        v_changed := replace(v_text, v_change.before, v_change.after);
        IF v_changed = v_text THEN
            RAISE EXCEPTION 'the function % does not hold: %', v_change.function, v_change.before;
        END IF;
        EXECUTE v_changed;
    END LOOP;
END
$$;
