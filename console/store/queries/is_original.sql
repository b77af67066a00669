-- Whether workers may run in this database; with true it becomes the one that works.
SELECT device_console.is_original($1)
