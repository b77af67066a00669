-- Keep ended commands for $1 seconds after their deadlines, for ever if null. $2: in a platform's own table, too.
UPDATE device_console.deployment SET keep_s = $1, prunes_platform_table = $2
