-- Migration 069: the platform's two group roles, for clusters that lack them.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pulse_app') THEN
        CREATE ROLE pulse_app NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pulse_operator') THEN
        BEGIN
            CREATE ROLE pulse_operator NOLOGIN BYPASSRLS;
        EXCEPTION WHEN insufficient_privilege THEN
            CREATE ROLE pulse_operator NOLOGIN;
        END;
    END IF;
END
$$;
