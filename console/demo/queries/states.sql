-- What a platform would know of the demo devices now. $1 tenant, $5 seconds of silence.
INSERT INTO public.device_state
    (tenant_id, device_id, site_id, status, last_heartbeat_at, last_telemetry_at, last_seen_at,
     last_state_change_at, state)
SELECT $1, d.device_id, d.site_id, d.status, d.seen_at, d.seen_at - interval '20 seconds', d.seen_at,
       CASE d.status WHEN 'ONLINE' THEN now() - interval '30 hours' ELSE d.seen_at END,
       jsonb_build_object('battery_pct', d.battery_pct)
FROM (
    SELECT i.*, now() - make_interval(secs => i.silent_s) AS seen_at
    FROM unnest($2::text[], $3::text[], $4::text[], $5::double precision[], $6::integer[])
        AS i(device_id, site_id, status, silent_s, battery_pct)
) d
