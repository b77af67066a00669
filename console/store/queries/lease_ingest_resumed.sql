-- The answers of a slot are read again by the holder of this lease.
SELECT device_console.ingest_resumed($1, $2)
