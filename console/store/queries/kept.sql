-- The worker's right is to call this function; its rule stands in the migrations.
SELECT answer_id, tenant_id, device_id, command_id, ack FROM device_console.kept($1::integer)
