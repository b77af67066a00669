-- Give leases back.
SELECT device_console.give_leases($1)
