-- The word by which notifications name the tenant of this session, and nobody else's.
SELECT device_console.own_digest()
