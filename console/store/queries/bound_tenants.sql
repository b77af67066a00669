-- The tenants that this login is bound to; null where the map does not name it.
SELECT device_console.bound_tenants()
