-- What other programs left behind: answered commands that they called queued, outbox rows of what they settled. $1 at most.
SELECT device_console.heal_answered($1::integer), device_console.clear_parked($1::integer)
