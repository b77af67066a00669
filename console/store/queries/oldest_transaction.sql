-- Seconds that the oldest transaction of this database is open, as far as the login may see, and whose it is.
SELECT extract(epoch FROM clock_timestamp() - a.xact_start)::double precision AS open_s, a.pid,
       COALESCE(NULLIF(a.application_name, ''), a.usename, 'another session') AS whose
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
ORDER BY a.xact_start LIMIT 1
