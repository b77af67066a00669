-- Whether answers to one of these commands are kept.
SELECT device_console.has_kept($1, $2)
