-- The worker's right is to call this function; its rule stands in the migrations.
SELECT missed, expired, healed, next_cursor::text, lateness_s
FROM device_console.sweep($1::text::timestamptz, $2::integer)
