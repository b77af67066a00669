-- Migration 908: how long ended commands are kept, in seconds after their deadline; null, as it begins, deletes nothing. The owner of the
-- schema writes both columns, nobody else. On a device_commands that existed before us the other column must be true as well: its rows
-- belong to others, too.
ALTER TABLE device_console.deployment
    ADD COLUMN keep_s BIGINT CHECK (keep_s BETWEEN 86400 AND 3155760000),
    ADD COLUMN prunes_platform_table BOOLEAN NOT NULL DEFAULT false;
