-- Names this deployment towards the broker.
SELECT deployment_id::text FROM device_console.deployment
