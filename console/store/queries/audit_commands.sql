-- A row in the platform's audit log for each of these commands. $2 who cancelled them, null when they were sent.
-- False where there is no such table.
SELECT device_console.audit_commands($1::text[], $2)
