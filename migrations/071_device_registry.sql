-- Migration 071: device_registry, for databases that lack the platform's table.
-- adopts: device_registry

CREATE TABLE IF NOT EXISTS device_registry (
    tenant_id           TEXT        NOT NULL,
    device_id           TEXT        NOT NULL,
    site_id             TEXT        NOT NULL,
    status              TEXT        NOT NULL DEFAULT 'ACTIVE'
                        CHECK (status IN ('ACTIVE', 'INACTIVE', 'SUSPENDED')),
    created_at          TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    updated_at          TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    metadata            JSONB       NOT NULL DEFAULT '{}',
    latitude            DOUBLE PRECISION,
    longitude           DOUBLE PRECISION,
    address             TEXT,
    mac_address         TEXT,
    imei                TEXT,
    iccid               TEXT,
    serial_number       TEXT,
    model               TEXT,
    manufacturer        TEXT,
    hw_revision         TEXT,
    fw_version          TEXT,
    notes               TEXT,
    device_type         TEXT,
    decommissioned_at   TIMESTAMPTZ,
    PRIMARY KEY (tenant_id, device_id)
);

ALTER TABLE device_registry ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_registry_tenant_isolation ON device_registry
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
