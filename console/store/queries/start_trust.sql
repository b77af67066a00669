-- Whether the server asked for any proof of who we are. Since PostgreSQL 16; system_user is null for trust.
SELECT system_user IS NULL AND inet_client_addr() IS NOT NULL AS trusted,
       COALESCE(inet_client_addr() <<= inet '127.0.0.0/8' OR inet_client_addr() = inet '::1', true) AS local
