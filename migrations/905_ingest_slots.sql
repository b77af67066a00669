-- Migration 905: how many processes may share the acknowledgements of this deployment.
-- One slot is one MQTT session of the broker. ingest_slots_ever is the greatest number so far: slots beyond
-- ingest_slots are emptied before they are given up, because the broker goes on dealing to a dead session.

ALTER TABLE device_console.deployment
    ADD COLUMN ingest_slots      INTEGER NOT NULL DEFAULT 1 CHECK (ingest_slots BETWEEN 1 AND 16),
    ADD COLUMN ingest_slots_ever INTEGER NOT NULL DEFAULT 1 CHECK (ingest_slots_ever BETWEEN 1 AND 16);

CREATE FUNCTION device_console.set_ingest_slots(p_slots INTEGER) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE device_console.deployment
    SET ingest_slots = p_slots, ingest_slots_ever = GREATEST(ingest_slots_ever, p_slots)
$$;
REVOKE ALL ON FUNCTION device_console.set_ingest_slots FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.set_ingest_slots TO %I',
                   current_setting('device_console.worker_role'));
END
$$;
