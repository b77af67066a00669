-- One page of history, newest first. $1 tenant, $2 characters of a document; the rest follows from who asks for what. How many is a
-- number in the text where no filter is: of a parameter PostgreSQL knows nothing before the call, and plans each page anew.
SELECT v.tenant_id, v.command_id, v.device_id, v.command_type, v.status,
       device_console.shown(v.created_at) AS created_at, device_console.shown(v.expires_at) AS expires_at,
       v.created_by, device_console.shown(v.published_at) AS published_at,
       device_console.shown(v.acked_at) AS acked_at, v.ack_status,
       device_console.json_shown(v.command_params, $2) AS params_json,
       device_console.json_shown(v.ack_details, $2) AS ack_json,
       v.cancelled_at, v.cancelled_by, v.attempts, v.last_error, v.outcome, v.blocked_by,
       left(v.progress, 400) AS progress, left(v.later, 400) AS later, v.in_outbox,
       clock_timestamp() AS read_at
FROM /*command_rows*/ v
WHERE v.tenant_id = $1/*where*/
ORDER BY v.created_at DESC, v.command_id DESC
LIMIT /*limit*/
