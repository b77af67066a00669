-- Migration 907: a row of the outbox is found by its command's id. Where a table looks empty to PostgreSQL, every index that begins with the
-- tenant is as good to it as the key; this one is the only one that fits a command's id.
ALTER TABLE device_console.outbox DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (command_id, tenant_id);
