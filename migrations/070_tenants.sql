-- Migration 070: tenants, for databases that lack the platform's table.
-- adopts: tenants

CREATE TABLE IF NOT EXISTS tenants (
    tenant_id       TEXT        PRIMARY KEY,
    name            TEXT        NOT NULL,
    status          TEXT        NOT NULL DEFAULT 'ACTIVE'
                    CHECK (status IN ('ACTIVE', 'SUSPENDED', 'DELETED')),
    contact_name    TEXT,
    contact_email   TEXT,
    contact_phone   TEXT,
    metadata        JSONB       NOT NULL DEFAULT '{}',
    created_at      TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    deleted_at      TIMESTAMPTZ
);

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants_own_row ON tenants FOR SELECT TO pulse_app
    USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY tenants_all_rows ON tenants TO pulse_operator USING (true) WITH CHECK (true);
