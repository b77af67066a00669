-- Who holds which role, and how old its last sign of life is.
SELECT * FROM device_console.lease_holders()
