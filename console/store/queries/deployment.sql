-- Names this deployment towards the broker, with the slots that share its acknowledgements.
SELECT deployment_id::text, ingest_slots, ingest_slots_ever FROM device_console.deployment
