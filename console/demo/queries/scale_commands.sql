-- One batch of settled commands, numbers $2 to $3 of $5, over $4 devices and $6 days; the number alone
-- decides the row, so that a batch can be run again. $1 tenant.
WITH numbered AS (
    SELECT n, (hashint8(n) & 1023) / 1024.0::double precision AS luck,
           (hashint8(n + 1000000007) & 1023) / 1024.0::double precision AS pace,
           now() - interval '2 hours' - $6::integer * interval '1 day' * (1 - n / $5::double precision) AS created_at
    FROM generate_series($2::bigint, $3::bigint) AS n
), fated AS (
    SELECT *, CASE WHEN luck < 0.88 THEN 'ok' WHEN luck < 0.93 THEN 'error' WHEN luck < 0.98 THEN 'missed'
                   ELSE 'expired' END AS fate
    FROM numbered
), added AS (
    INSERT INTO public.device_commands
        (tenant_id, command_id, device_id, command_type, command_params, status, created_by, created_at,
         expires_at, published_at, acked_at, ack_details)
    SELECT $1, md5($1 || '/' || n)::uuid::text, format('meter-%s', lpad((1 + n % $4::integer)::text, 6, '0')),
           (ARRAY['ping', 'read_meter', 'set_interval', 'flush_buffer', 'reboot'])[1 + n % 5], '{"n": 1}',
           CASE WHEN fate IN ('ok', 'error') THEN 'delivered' ELSE fate END,
           (ARRAY['alice', 'bruno', 'marta'])[1 + n % 3], created_at, created_at + interval '1 hour',
           CASE WHEN fate <> 'expired' THEN created_at + interval '20 milliseconds' END,
           CASE WHEN fate IN ('ok', 'error') THEN created_at + make_interval(secs => 0.05 + 3 * pace * pace) END,
           CASE fate WHEN 'ok' THEN '{"status": "ok", "details": {"rtt_ms": 12}}'::jsonb
                     WHEN 'error' THEN '{"status": "error", "details": {"code": "busy"}}'::jsonb END
    FROM fated
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added
