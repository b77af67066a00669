-- The same for a bulk send: begun, or stopped.
SELECT device_console.audit_batch($1)
