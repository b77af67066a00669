-- The rows on screen, read again. $2 their command ids, $3 characters of a document.
SELECT v.tenant_id, v.command_id, v.device_id, v.command_type, v.status,
       device_console.shown(v.created_at) AS created_at, device_console.shown(v.expires_at) AS expires_at,
       v.created_by, device_console.shown(v.published_at) AS published_at,
       device_console.shown(v.acked_at) AS acked_at, v.ack_status,
       device_console.json_shown(v.command_params, $3) AS params_json,
       device_console.json_shown(v.ack_details, $3) AS ack_json,
       v.cancelled_at, v.cancelled_by, v.attempts, v.last_error, v.outcome, v.blocked_by,
       left(v.progress, 400) AS progress, left(v.later, 400) AS later, v.in_outbox,
       clock_timestamp() AS read_at
FROM /*command_rows*/ v
WHERE v.tenant_id = $1 AND v.command_id = ANY ($2::text[])
