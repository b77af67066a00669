-- The worker's right is to call this function; its rule stands in the migrations.
SELECT device_console.forget_kept($1::bigint[])
