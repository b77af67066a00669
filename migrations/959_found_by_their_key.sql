-- Migration 959: whose turn it is, is found by the key of each command. Where PostgreSQL believes that the table is small, it prefers the
-- partial index of queued commands, by the tenant alone, and reads all of them for each: two seconds for a claim among 10,000.
-- Written like this, that index does not fit.

DO $$
BEGIN
    EXECUTE (SELECT replace(pg_get_functiondef(p.oid), 'c.status = ''queued''', 'c.status || '''' = ''queued''')
             FROM pg_proc p
             WHERE p.pronamespace = 'device_console'::regnamespace AND p.proname = 'turns');
END
$$;
