-- Migration 072: device_state, for databases that lack the platform's table.
-- adopts: device_state

CREATE TABLE IF NOT EXISTS device_state (
    tenant_id               TEXT        NOT NULL,
    device_id               TEXT        NOT NULL,
    site_id                 TEXT        NOT NULL,
    status                  TEXT        NOT NULL DEFAULT 'OFFLINE'
                            CHECK (status IN ('ONLINE', 'STALE', 'OFFLINE')),
    last_heartbeat_at       TIMESTAMPTZ,
    last_telemetry_at       TIMESTAMPTZ,
    last_seen_at            TIMESTAMPTZ,
    last_state_change_at    TIMESTAMPTZ,
    state                   JSONB       NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, device_id)
);

ALTER TABLE device_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_state FORCE ROW LEVEL SECURITY;
CREATE POLICY device_state_tenant_isolation ON device_state TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));

CREATE FUNCTION notify_device_state_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('device_state_changed', NEW.tenant_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER device_state_changed AFTER INSERT OR UPDATE ON device_state
    FOR EACH ROW EXECUTE FUNCTION notify_device_state_changed();
