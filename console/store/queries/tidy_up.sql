-- What other programs left behind: answered commands that they called queued, outbox rows of what they settled. $1 at most.
SELECT device_console.tidy_up($1::integer)
