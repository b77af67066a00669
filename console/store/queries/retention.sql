-- How long ended commands are kept; whether device_commands is the console's own; whether anything is deleted.
SELECT keep_s, is_own, is_on FROM device_console.retention()
