-- Migration 074: device groups, for databases that lack the platform's tables.
-- adopts: device_groups device_group_members

CREATE TABLE IF NOT EXISTS device_groups (
    tenant_id   TEXT NOT NULL,
    group_id    TEXT NOT NULL,
    name        TEXT NOT NULL,
    PRIMARY KEY (tenant_id, group_id)
);

CREATE TABLE IF NOT EXISTS device_group_members (
    tenant_id   TEXT NOT NULL,
    group_id    TEXT NOT NULL,
    device_id   TEXT NOT NULL,
    PRIMARY KEY (tenant_id, group_id, device_id)
);

ALTER TABLE device_groups ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_groups_tenant_isolation ON device_groups
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));

ALTER TABLE device_group_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_group_members_tenant_isolation ON device_group_members
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
