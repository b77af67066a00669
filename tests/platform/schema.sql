-- The platform's database at its migration 121, as its catalog tells it: what the console has to live beside.
-- :owner is the login that owns it. The roles exist already; the rows are in seed.sql.
-- Where the catalog does not say, the plainest thing stands here: how search_vector is made, what a parent may be.

CREATE TABLE account_tiers (tier_id VARCHAR(50) PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE device_plans (plan_id VARCHAR(50) PRIMARY KEY, name TEXT NOT NULL);
GRANT SELECT ON account_tiers, device_plans TO pulse_app, pulse_operator, pulse_operator_read;

CREATE TABLE tenants (
    tenant_id               TEXT NOT NULL,
    name                    TEXT NOT NULL,
    status                  TEXT NOT NULL DEFAULT 'ACTIVE',
    contact_email           TEXT,
    contact_name            TEXT,
    metadata                JSONB NOT NULL DEFAULT '{}',
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    deleted_at              TIMESTAMPTZ,
    legal_name              VARCHAR(200),
    phone                   VARCHAR(50),
    industry                VARCHAR(100),
    company_size            VARCHAR(50),
    address_line1           VARCHAR(200),
    address_line2           VARCHAR(200),
    city                    VARCHAR(100),
    state_province          VARCHAR(100),
    postal_code             VARCHAR(20),
    country                 VARCHAR(2),
    data_residency_region   VARCHAR(50),
    support_tier            VARCHAR(20) DEFAULT 'standard',
    sla_level               NUMERIC(5,2),
    stripe_customer_id      VARCHAR(100),
    billing_email           VARCHAR(255),
    account_tier_id         VARCHAR(50),
    PRIMARY KEY (tenant_id),
    UNIQUE (stripe_customer_id),
    CONSTRAINT tenants_account_tier_id_fkey FOREIGN KEY (account_tier_id) REFERENCES account_tiers (tier_id)
);
CREATE INDEX idx_tenants_country ON tenants USING btree (country) WHERE country IS NOT NULL;
CREATE INDEX idx_tenants_industry ON tenants USING btree (industry) WHERE industry IS NOT NULL;
CREATE INDEX idx_tenants_region ON tenants USING btree (data_residency_region)
    WHERE data_residency_region IS NOT NULL;
CREATE INDEX idx_tenants_stripe ON tenants USING btree (stripe_customer_id) WHERE stripe_customer_id IS NOT NULL;
CREATE INDEX tenants_status_idx ON tenants USING btree (status) WHERE status <> 'DELETED'::text;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_customer_read ON tenants FOR SELECT TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY tenant_operator_read ON tenants FOR SELECT TO pulse_operator
    USING (true);
CREATE POLICY tenant_operator_write ON tenants FOR ALL TO pulse_operator
    USING (true)
    WITH CHECK (true);
CREATE POLICY tenants_self_read ON tenants FOR SELECT TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY tenants_self_update ON tenants FOR UPDATE TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON tenants TO pulse_app;
GRANT ALL ON tenants TO pulse_operator;
GRANT SELECT ON tenants TO pulse_operator_read;

CREATE TABLE device_templates (
    id                      INTEGER NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id               TEXT,
    name                    TEXT NOT NULL,
    slug                    TEXT NOT NULL,
    description             TEXT,
    category                TEXT NOT NULL CHECK (category IN
                            ('gateway', 'edge_device', 'standalone_sensor', 'controller', 'expansion_module')),
    manufacturer            TEXT,
    model                   TEXT,
    firmware_version_pattern TEXT,
    is_locked               BOOLEAN NOT NULL DEFAULT false,
    source                  TEXT NOT NULL DEFAULT 'tenant' CHECK (source IN ('system', 'tenant')),
    transport_defaults      JSONB,
    metadata                JSONB NOT NULL DEFAULT '{}',
    image_url               TEXT,
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (id),
    UNIQUE (tenant_id, slug),
    CONSTRAINT device_templates_tenant_id_fkey
        FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE INDEX idx_device_templates_category ON device_templates USING btree (category);
CREATE INDEX idx_device_templates_source ON device_templates USING btree (source);
CREATE UNIQUE INDEX idx_device_templates_system_slug ON device_templates USING btree (slug) WHERE tenant_id IS NULL;
CREATE INDEX idx_device_templates_tenant ON device_templates USING btree (tenant_id);
ALTER TABLE device_templates ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_templates_operator_read ON device_templates FOR SELECT TO PUBLIC
    USING (current_setting('app.role', true) = 'operator');
CREATE POLICY device_templates_operator_write ON device_templates FOR ALL TO PUBLIC
    USING (current_setting('app.role', true) = 'operator');
CREATE POLICY device_templates_service ON device_templates FOR ALL TO PUBLIC
    USING (current_setting('app.role', true) = 'iot_service');
CREATE POLICY device_templates_tenant_isolation ON device_templates FOR ALL TO PUBLIC
    USING (tenant_id IS NULL OR tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_templates TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_templates TO pulse_operator;
GRANT SELECT ON device_templates TO pulse_operator_read;

CREATE TABLE device_registry (
    tenant_id               TEXT NOT NULL,
    device_id               TEXT NOT NULL,
    site_id                 TEXT NOT NULL,
    status                  TEXT NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'INACTIVE', 'SUSPENDED')),
    provision_token         TEXT,
    provision_token_hash    TEXT,
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    metadata                JSONB NOT NULL DEFAULT '{}',
    latitude                DOUBLE PRECISION,
    longitude               DOUBLE PRECISION,
    address                 TEXT,
    location_source         TEXT DEFAULT 'auto' CHECK (location_source IN ('auto', 'manual')),
    mac_address             TEXT,
    imei                    TEXT,
    iccid                   TEXT,
    serial_number           TEXT,
    model                   TEXT,
    manufacturer            TEXT,
    hw_revision             TEXT,
    fw_version              TEXT,
    notes                   TEXT,
    subscription_id         TEXT,
    device_type             TEXT,
    decommissioned_at       TIMESTAMPTZ,
    search_vector           TSVECTOR GENERATED ALWAYS AS (to_tsvector('simple',
                            device_id || ' ' || COALESCE(model, '') || ' ' || COALESCE(manufacturer, '')
                            || ' ' || COALESCE(serial_number, ''))) STORED,
    chipset                 TEXT,
    modem_model             TEXT,
    board_revision          TEXT,
    meid                    TEXT,
    bootloader_version      TEXT,
    modem_fw_version        TEXT,
    deployment_date         TIMESTAMPTZ,
    batch_id                TEXT,
    installation_notes      TEXT,
    sensor_limit            INTEGER DEFAULT 20,
    plan_id                 VARCHAR(50),
    template_id             INTEGER,
    parent_device_id        TEXT,
    PRIMARY KEY (tenant_id, device_id),
    CONSTRAINT device_registry_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES device_plans (plan_id),
    CONSTRAINT device_registry_template_id_fkey
        FOREIGN KEY (template_id) REFERENCES device_templates (id) ON DELETE SET NULL
);
CREATE INDEX idx_device_registry_parent ON device_registry USING btree (tenant_id, parent_device_id)
    WHERE parent_device_id IS NOT NULL;
CREATE INDEX idx_device_registry_search_vector ON device_registry USING gin (search_vector);
CREATE INDEX idx_device_registry_site ON device_registry USING btree (tenant_id, site_id);
CREATE INDEX idx_device_registry_status ON device_registry USING btree (tenant_id, status);
CREATE INDEX idx_device_registry_template ON device_registry USING btree (template_id) WHERE template_id IS NOT NULL;
CREATE INDEX idx_device_registry_tenant ON device_registry USING btree (tenant_id);
CREATE INDEX idx_device_registry_tenant_site_id ON device_registry USING btree (tenant_id, site_id)
    WHERE decommissioned_at IS NULL;
CREATE INDEX idx_device_registry_token ON device_registry USING btree (provision_token_hash)
    WHERE provision_token_hash IS NOT NULL;
CREATE INDEX idx_device_subscription ON device_registry USING btree (subscription_id)
    WHERE subscription_id IS NOT NULL;
ALTER TABLE device_registry ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_registry_operator_read ON device_registry FOR SELECT TO pulse_operator
    USING (true);
CREATE POLICY device_registry_service ON device_registry FOR ALL TO :owner
    USING (true)
    WITH CHECK (true);
CREATE POLICY device_registry_tenant_policy ON device_registry FOR ALL TO PUBLIC
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_registry TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_registry TO pulse_operator;
GRANT SELECT ON device_registry TO pulse_operator_read;
GRANT INSERT, UPDATE ON device_registry TO pulse_operator_write;

CREATE TABLE device_state (
    tenant_id               TEXT NOT NULL,
    site_id                 TEXT NOT NULL,
    device_id               TEXT NOT NULL,
    status                  TEXT NOT NULL DEFAULT 'OFFLINE' CHECK (status IN ('ONLINE', 'STALE', 'OFFLINE')),
    last_heartbeat_at       TIMESTAMPTZ,
    last_telemetry_at       TIMESTAMPTZ,
    last_seen_at            TIMESTAMPTZ,
    last_state_change_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
    state                   JSONB NOT NULL DEFAULT '{}',
    desired_state           JSONB NOT NULL DEFAULT '{}',
    reported_state          JSONB NOT NULL DEFAULT '{}',
    desired_version         INTEGER NOT NULL DEFAULT 0,
    reported_version        INTEGER NOT NULL DEFAULT 0,
    shadow_updated_at       TIMESTAMPTZ,
    PRIMARY KEY (tenant_id, device_id)
);
CREATE INDEX idx_device_state_shadow_pending ON device_state USING btree (tenant_id)
    WHERE desired_version > reported_version;
CREATE INDEX idx_device_state_site ON device_state USING btree (tenant_id, site_id);
CREATE INDEX idx_device_state_status ON device_state USING btree (tenant_id, status);
CREATE INDEX idx_device_state_tenant_status ON device_state USING btree (tenant_id, status);
ALTER TABLE device_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_state FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation_policy ON device_state FOR ALL TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_state TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_state TO pulse_operator;
GRANT SELECT ON device_state TO pulse_operator_read;

CREATE TABLE device_tags (
    tenant_id               TEXT NOT NULL,
    device_id               TEXT NOT NULL,
    tag                     TEXT NOT NULL,
    PRIMARY KEY (tenant_id, device_id, tag),
    CONSTRAINT device_tags_tenant_id_device_id_fkey
        FOREIGN KEY (tenant_id, device_id) REFERENCES device_registry (tenant_id, device_id) ON DELETE CASCADE
);
CREATE INDEX idx_device_tags_tenant_tag ON device_tags USING btree (tenant_id, tag);
ALTER TABLE device_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_tags FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation_policy ON device_tags FOR ALL TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_tags TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_tags TO pulse_operator;
GRANT SELECT ON device_tags TO pulse_operator_read;

CREATE TABLE device_groups (
    group_id                TEXT NOT NULL,
    tenant_id               TEXT NOT NULL,
    name                    TEXT NOT NULL,
    description             TEXT,
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, group_id),
    CONSTRAINT device_groups_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE INDEX idx_device_groups_tenant ON device_groups USING btree (tenant_id);
ALTER TABLE device_groups ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_groups_tenant_isolation ON device_groups FOR ALL TO PUBLIC
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_groups TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_groups TO pulse_operator;
GRANT SELECT ON device_groups TO pulse_operator_read;

CREATE TABLE device_group_members (
    tenant_id               TEXT NOT NULL,
    group_id                TEXT NOT NULL,
    device_id               TEXT NOT NULL,
    added_at                TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, group_id, device_id),
    CONSTRAINT device_group_members_tenant_id_group_id_fkey
        FOREIGN KEY (tenant_id, group_id) REFERENCES device_groups (tenant_id, group_id) ON DELETE CASCADE
);
CREATE INDEX idx_device_group_members_device ON device_group_members USING btree (tenant_id, device_id);
ALTER TABLE device_group_members ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_group_members_tenant_isolation ON device_group_members FOR ALL TO PUBLIC
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_group_members TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_group_members TO pulse_operator;
GRANT SELECT ON device_group_members TO pulse_operator_read;

CREATE TABLE dynamic_device_groups (
    tenant_id               TEXT NOT NULL,
    group_id                TEXT NOT NULL,
    name                    TEXT NOT NULL,
    description             TEXT,
    query_filter            JSONB NOT NULL DEFAULT '{}',
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, group_id),
    CONSTRAINT dynamic_device_groups_tenant_id_fkey
        FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE INDEX idx_dynamic_device_groups_tenant ON dynamic_device_groups USING btree (tenant_id);
ALTER TABLE dynamic_device_groups ENABLE ROW LEVEL SECURITY;
CREATE POLICY dynamic_device_groups_tenant_isolation ON dynamic_device_groups FOR ALL TO PUBLIC
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON dynamic_device_groups TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON dynamic_device_groups TO pulse_operator;
GRANT SELECT ON dynamic_device_groups TO pulse_operator_read;

CREATE TABLE template_commands (
    id                      INTEGER NOT NULL GENERATED ALWAYS AS IDENTITY,
    template_id             INTEGER NOT NULL,
    command_key             TEXT NOT NULL,
    display_name            TEXT NOT NULL,
    description             TEXT,
    parameters_schema       JSONB,
    response_schema         JSONB,
    sort_order              INTEGER NOT NULL DEFAULT 0,
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (id),
    UNIQUE (template_id, command_key),
    CONSTRAINT template_commands_template_id_fkey
        FOREIGN KEY (template_id) REFERENCES device_templates (id) ON DELETE CASCADE
);
CREATE INDEX idx_template_commands_template ON template_commands USING btree (template_id);
ALTER TABLE template_commands ENABLE ROW LEVEL SECURITY;
CREATE POLICY template_commands_operator ON template_commands FOR ALL TO PUBLIC
    USING (current_setting('app.role', true) = 'operator');
CREATE POLICY template_commands_service ON template_commands FOR ALL TO PUBLIC
    USING (current_setting('app.role', true) = 'iot_service');
CREATE POLICY template_commands_tenant ON template_commands FOR ALL TO PUBLIC
    USING (EXISTS (
        SELECT FROM device_templates t WHERE t.id = template_commands.template_id
          AND (t.tenant_id IS NULL OR t.tenant_id = current_setting('app.tenant_id', true))));
GRANT SELECT, INSERT, DELETE, UPDATE ON template_commands TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON template_commands TO pulse_operator;
GRANT SELECT ON template_commands TO pulse_operator_read;

CREATE TABLE audit_log (
    "timestamp"             TIMESTAMPTZ NOT NULL DEFAULT now(),
    tenant_id               TEXT,
    event_type              TEXT NOT NULL,
    category                TEXT NOT NULL,
    severity                TEXT NOT NULL DEFAULT 'info',
    entity_type             TEXT,
    entity_id               TEXT,
    entity_name             TEXT,
    action                  TEXT NOT NULL,
    message                 TEXT NOT NULL,
    details                 JSONB,
    source_service          TEXT NOT NULL,
    actor_type              TEXT DEFAULT 'system',
    actor_id                TEXT,
    actor_name              TEXT,
    ip_address              INET,
    request_id              TEXT,
    duration_ms             INTEGER
);
CREATE INDEX idx_audit_category_time ON audit_log USING btree (category, "timestamp" DESC);
CREATE INDEX idx_audit_entity ON audit_log USING btree (entity_type, entity_id, "timestamp" DESC);
CREATE INDEX idx_audit_severity_time ON audit_log USING btree (severity, "timestamp" DESC)
    WHERE severity = ANY (ARRAY['warning'::text, 'error'::text, 'critical'::text]);
CREATE INDEX idx_audit_source ON audit_log USING btree (source_service, "timestamp" DESC);
CREATE INDEX idx_audit_tenant_time ON audit_log USING btree (tenant_id, "timestamp" DESC) WHERE tenant_id IS NOT NULL;
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_log_tenant_read ON audit_log FOR SELECT TO PUBLIC
    USING (tenant_id IS NULL OR tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON audit_log TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON audit_log TO pulse_operator;
GRANT SELECT ON audit_log TO pulse_operator_read;

CREATE TABLE device_connection_events (
    id                      BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant_id               TEXT NOT NULL,
    device_id               TEXT NOT NULL,
    event_type              VARCHAR(20) NOT NULL CHECK (event_type IN ('CONNECTED', 'DISCONNECTED', 'CONNECTION_LOST')),
    "timestamp"             TIMESTAMPTZ NOT NULL DEFAULT now(),
    details                 JSONB NOT NULL DEFAULT '{}',
    PRIMARY KEY (id)
);
CREATE INDEX idx_device_conn_events_lookup ON device_connection_events USING btree (tenant_id, device_id, "timestamp" DESC);
ALTER TABLE device_connection_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_connection_events_tenant_isolation ON device_connection_events FOR ALL TO PUBLIC
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_connection_events TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_connection_events TO pulse_operator;
GRANT SELECT ON device_connection_events TO pulse_operator_read;

CREATE TABLE schema_migrations (
    version                 TEXT NOT NULL,
    filename                TEXT NOT NULL,
    applied_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (version)
);
GRANT SELECT, INSERT, DELETE, UPDATE ON schema_migrations TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON schema_migrations TO pulse_operator;
GRANT SELECT ON schema_migrations TO pulse_operator_read;

CREATE TABLE device_commands (
    command_id              TEXT NOT NULL DEFAULT gen_random_uuid()::text,
    tenant_id               TEXT NOT NULL,
    device_id               TEXT NOT NULL,
    command_type            TEXT NOT NULL,
    command_params          JSONB NOT NULL DEFAULT '{}',
    status                  TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'delivered', 'missed', 'expired')),
    published_at            TIMESTAMPTZ,
    acked_at                TIMESTAMPTZ,
    ack_details             JSONB,
    expires_at              TIMESTAMPTZ NOT NULL DEFAULT (now() + '01:00:00'::interval),
    created_by              TEXT,
    created_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, command_id),
    CONSTRAINT device_commands_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE INDEX idx_device_commands_device_history ON device_commands USING btree (tenant_id, device_id, created_at DESC);
CREATE INDEX idx_device_commands_device_queued ON device_commands USING btree (tenant_id, device_id, status)
    WHERE status = 'queued'::text;
CREATE INDEX idx_device_commands_expires ON device_commands USING btree (expires_at) WHERE status = 'queued'::text;
ALTER TABLE device_commands ENABLE ROW LEVEL SECURITY;
CREATE POLICY device_commands_tenant_isolation ON device_commands FOR ALL TO PUBLIC
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
GRANT SELECT, INSERT, DELETE, UPDATE ON device_commands TO pulse_app;
GRANT SELECT, INSERT, DELETE, UPDATE ON device_commands TO pulse_operator;
GRANT SELECT ON device_commands TO pulse_operator_read;

CREATE FUNCTION notify_device_state_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('device_state_changed', NEW.tenant_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER trg_notify_device_state_changed AFTER INSERT OR UPDATE ON device_state
    FOR EACH ROW EXECUTE FUNCTION notify_device_state_changed();

CREATE FUNCTION validate_parent_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_device_id = NEW.device_id THEN
        RAISE EXCEPTION 'a device cannot be its own parent';
    END IF;
    IF NEW.parent_device_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM device_registry p WHERE p.tenant_id = NEW.tenant_id AND p.device_id = NEW.parent_device_id) THEN
        RAISE EXCEPTION 'the parent device % does not exist', NEW.parent_device_id;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER trg_validate_parent_device BEFORE INSERT OR UPDATE OF parent_device_id ON device_registry
    FOR EACH ROW EXECUTE FUNCTION validate_parent_device();

CREATE FUNCTION update_sensors_timestamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER trg_device_templates_updated_at BEFORE UPDATE ON device_templates
    FOR EACH ROW EXECUTE FUNCTION update_sensors_timestamp();

INSERT INTO schema_migrations (version, filename)
SELECT lpad(n::text, 3, '0'), lpad(n::text, 3, '0') || CASE n WHEN 79 THEN '_device_commands' ELSE '_platform' END || '.sql'
FROM generate_series(1, 121) AS n;
