-- Who holds a role, with what tells whether that process lives.
SELECT token, pid, machine FROM device_console.lease_owners($1)
