-- Migration 073: device_tags, for databases that lack the platform's table.
-- adopts: device_tags

CREATE TABLE IF NOT EXISTS device_tags (
    tenant_id   TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    tag         TEXT NOT NULL,
    PRIMARY KEY (tenant_id, device_id, tag)
);

ALTER TABLE device_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_tags FORCE ROW LEVEL SECURITY;
CREATE POLICY device_tags_tenant_isolation ON device_tags TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
