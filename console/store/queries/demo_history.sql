-- Some days of plausible history. $1 tenant, $2 number of commands, $3 days. Nothing is left queued.
WITH drawn AS (
    SELECT n, abs(hashtext(n::text || $1)) AS h, abs(hashtext($1 || 'x' || n::text)) AS g FROM generate_series(1, $2::integer) n
), devices AS (
    SELECT device_id, row_number() OVER (ORDER BY device_id) - 1 AS place, count(*) OVER () AS total
    FROM public.device_registry WHERE tenant_id = $1
), planned AS (
    SELECT w.n, w.h, w.g, d.device_id,
           now() - interval '12 minutes' - make_interval(secs => (w.h % 86400) * $3::integer) AS created_at,
           (ARRAY['ping', 'ping', 'ping', 'set_interval', 'flush_buffer', 'get_config', 'reboot', 'update_firmware'])[1 + w.g % 8]
               AS command_type,
           (ARRAY['alice', 'bob', 'carol', 'night-shift'])[1 + (w.g / 8) % 4] AS created_by,
           CASE WHEN w.g % 100 < 86 THEN 'ok' WHEN w.g % 100 < 91 THEN 'failed' WHEN w.g % 100 < 95 THEN 'missed'
                WHEN w.g % 100 < 97 THEN 'expired' WHEN w.g % 100 < 98 THEN 'late' WHEN w.g % 100 < 99 THEN 'cancelled'
                ELSE 'ok' END AS outcome
    FROM drawn w JOIN devices d ON d.place = w.g / 100 % d.total
), timed AS (
    SELECT p.*, p.created_at + interval '10 minutes' AS expires_at,
           p.created_at + make_interval(secs => 0.004 + (p.h % 30) / 1000.0) AS sent_at,
           make_interval(secs => 0.06 + (p.h % 1000) / 1000.0 * (1 + (p.g % 7) / 3.0)) AS latency
    FROM planned p
), written AS (
    INSERT INTO public.device_commands
        (tenant_id, command_id, device_id, command_type, command_params, status, published_at, acked_at, ack_details,
         expires_at, created_by, created_at)
    SELECT $1, md5($1 || t.n::text)::uuid::text, t.device_id, t.command_type,
           CASE t.command_type WHEN 'set_interval' THEN jsonb_build_object('interval_s', 10 * (1 + t.h % 30))
                WHEN 'reboot' THEN '{"delay_s": 5}' WHEN 'update_firmware' THEN '{"version": "2.1.0"}' ELSE '{}' END,
           CASE WHEN t.outcome IN ('ok', 'failed', 'late') THEN 'delivered' WHEN t.outcome = 'missed' THEN 'missed' ELSE 'expired' END,
           CASE WHEN t.outcome IN ('ok', 'failed', 'late', 'missed') THEN t.sent_at END,
           CASE WHEN t.outcome = 'late' THEN t.expires_at + interval '40 seconds'
                WHEN t.outcome IN ('ok', 'failed') THEN t.sent_at + t.latency END,
           CASE WHEN t.outcome = 'failed' THEN jsonb_build_object('status', 'error', 'details', jsonb_build_object(
                    'reason', (ARRAY['buffer busy', 'sensor fault', 'low battery'])[1 + t.h % 3], 'code', 10 + t.h % 80))
                WHEN t.outcome IN ('ok', 'late') THEN jsonb_build_object('status', 'ok', 'details',
                    CASE t.command_type WHEN 'ping' THEN jsonb_build_object('rtt_ms', 3 + t.h % 80)
                         WHEN 'flush_buffer' THEN jsonb_build_object('flushed', t.h % 400) ELSE 'null' END) END,
           t.expires_at, t.created_by, t.created_at
    FROM timed t
)
INSERT INTO device_console.journal (tenant_id, command_id, at, kind, by_name, detail)
SELECT $1, md5($1 || t.n::text)::uuid::text, t.created_at + interval '30 seconds', 'cancelled', t.created_by, 'wrong device'
FROM timed t WHERE t.outcome = 'cancelled'
