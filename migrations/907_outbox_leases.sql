-- Migration 907: a lease has a column of its own, in no index, and each page has room for it: to lease a row writes no index entry.
-- due_at is from now on when a row may be claimed, and nothing else.
ALTER TABLE device_console.outbox
    ADD COLUMN leased_until TIMESTAMPTZ CHECK (leased_until >= '2000-01-01'),
    SET (fillfactor = 50);
UPDATE device_console.outbox SET leased_until = due_at, due_at = now() WHERE holder IS NOT NULL AND due_at < 'infinity';
UPDATE device_console.outbox SET holder = NULL WHERE holder IS NOT NULL AND leased_until IS NULL;
ALTER TABLE device_console.outbox ADD CONSTRAINT outbox_lease CHECK ((holder IS NULL) = (leased_until IS NULL));

-- A row is found by its command's id. Where a table looks empty to PostgreSQL, every index that begins with the tenant is as good to it
-- as the key; this one is the only one that fits a command's id.
ALTER TABLE device_console.outbox DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (command_id, tenant_id);
