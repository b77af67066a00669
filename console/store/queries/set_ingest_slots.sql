-- Change how many processes may share the acknowledgements.
SELECT device_console.set_ingest_slots($1)
