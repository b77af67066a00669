-- The worker's right is to call this function; its rule stands in the migrations.
SELECT missed, expired, healed, lateness_s, up::text, down::text, until::text, is_over, due_s, is_blocked
FROM device_console.sweep($1::text::timestamptz, $2::text::timestamptz, $3::text::timestamptz, $4::integer)
