-- Whether we came over TCP and showed nothing that PostgreSQL 15 can tell of: no certificate, no ticket.
SELECT inet_client_addr() IS NOT NULL
       AND NOT EXISTS (SELECT FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND client_dn IS NOT NULL)
       AND NOT EXISTS (SELECT FROM pg_stat_gssapi WHERE pid = pg_backend_pid() AND gss_authenticated) AS trusted,
       COALESCE(inet_client_addr() <<= inet '127.0.0.0/8' OR inet_client_addr() = inet '::1', true) AS local
