-- Two tenants with what the platform knows of their devices.

INSERT INTO tenants (tenant_id, name, contact_email) VALUES ('acme', 'Acme', 'ops@acme.example'), ('rival', 'Rival', NULL);

INSERT INTO device_templates (tenant_id, name, slug, category, manufacturer, model, source, is_locked) VALUES
    (NULL, 'Industrial gateway', 'industrial-gateway', 'gateway', 'Pulse', 'GW-100', 'system', true),
    ('acme', 'Feed pump', 'feed-pump', 'controller', 'AquaSense', 'PX-200', 'tenant', false),
    ('rival', 'Secret pump', 'secret-pump', 'controller', 'Rival', 'RX-1', 'tenant', false);

INSERT INTO template_commands (template_id, command_key, display_name, description, parameters_schema, sort_order)
SELECT t.id, c.command_key, c.display_name, c.description, c.parameters_schema::jsonb, c.sort_order
FROM device_templates t
JOIN (VALUES
    ('industrial-gateway', 'reboot', 'Reboot', 'Restarts the gateway; it is away for about a minute.', NULL, 1),
    ('industrial-gateway', 'set_interval', 'Set interval', 'How often the gateway reports.',
     '{"type": "object", "required": ["interval_seconds"],
       "properties": {"interval_seconds": {"type": "integer", "minimum": 10, "maximum": 86400}}}', 2),
    ('industrial-gateway', 'factory_reset', 'Factory reset', 'Erases everything that the gateway knows. This cannot be undone.',
     '{"type": "object", "required": ["confirm"], "properties": {"confirm": {"type": "boolean", "const": true}}}', 3),
    ('feed-pump', 'stop_pump', 'Stop the pump', 'The line behind it runs dry.', NULL, 1),
    ('secret-pump', 'secret_command', 'Secret', NULL, NULL, 1)
) AS c(slug, command_key, display_name, description, parameters_schema, sort_order) ON c.slug = t.slug;

INSERT INTO device_registry (tenant_id, device_id, site_id, status, metadata, model, fw_version, template_id, decommissioned_at)
SELECT d.tenant_id, d.device_id, d.site_id, d.status, d.metadata::jsonb, d.model, d.fw_version,
       (SELECT t.id FROM device_templates t WHERE t.slug = d.template), d.decommissioned_at
FROM (VALUES
    ('acme', 'gw-1', 'warehouse-east', 'ACTIVE', '{"name": "Gateway hall 3"}', NULL, '3.1.0', 'industrial-gateway', NULL),
    ('acme', 'gw-2', 'warehouse-west', 'ACTIVE', '{}', NULL, '3.0.2', 'industrial-gateway', NULL),
    ('acme', 'pump-1', 'warehouse-east', 'ACTIVE', '{"name": "Feed pump A"}', NULL, '1.4.2', 'feed-pump', NULL),
    ('acme', 'pump-2', 'warehouse-east', 'ACTIVE', '{"name": "Feed pump B"}', 'PX-300', '1.4.2', 'feed-pump', NULL),
    ('acme', 'pump-3', 'warehouse-west', 'SUSPENDED', '{}', NULL, NULL, 'feed-pump', NULL),
    ('acme', 'pump-4', 'warehouse-west', 'INACTIVE', '{}', NULL, NULL, NULL, NULL),
    ('acme', 'pump-5', 'warehouse-west', 'ACTIVE', '{}', NULL, NULL, NULL, timestamptz '2026-01-05 08:00:00+00'),
    ('acme', 'meter-1', 'lyon', 'ACTIVE', '{"name": "Water meter", "model": "M2"}', NULL, '2.0', NULL, NULL),
    ('rival', 'pump-1', 'warehouse-east', 'ACTIVE', '{"name": "Rival''s pump"}', NULL, '1.0', 'secret-pump', NULL)
) AS d(tenant_id, device_id, site_id, status, metadata, model, fw_version, template, decommissioned_at);
UPDATE device_registry SET parent_device_id = 'gw-1' WHERE tenant_id = 'acme' AND device_id IN ('pump-1', 'pump-2');

INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, last_heartbeat_at, last_telemetry_at)
SELECT r.tenant_id, r.device_id, r.site_id, s.status, now() - s.ago, now() - s.ago, now() - s.ago
FROM (VALUES ('acme', 'gw-1', 'ONLINE', interval '5 seconds'), ('acme', 'gw-2', 'OFFLINE', interval '2 days'),
             ('acme', 'pump-1', 'ONLINE', interval '10 seconds'), ('acme', 'pump-2', 'STALE', interval '20 minutes'),
             ('acme', 'pump-3', 'OFFLINE', interval '30 days'), ('acme', 'meter-1', 'ONLINE', interval '1 minute'),
             ('rival', 'pump-1', 'ONLINE', interval '1 second')) AS s(tenant_id, device_id, status, ago)
JOIN device_registry r USING (tenant_id, device_id);

INSERT INTO device_tags (tenant_id, device_id, tag) VALUES
    ('acme', 'pump-1', 'critical'), ('acme', 'pump-1', 'water'), ('acme', 'pump-2', 'water'), ('acme', 'gw-1', 'critical');

INSERT INTO device_groups (tenant_id, group_id, name) VALUES
    ('acme', 'grp-1f6c', 'Feed pumps'), ('acme', 'grp-20aa', 'Empty'), ('rival', 'grp-1f6c', 'Rival''s pumps');
INSERT INTO device_group_members (tenant_id, group_id, device_id) VALUES
    ('acme', 'grp-1f6c', 'pump-1'), ('acme', 'grp-1f6c', 'pump-2'), ('rival', 'grp-1f6c', 'pump-1');
INSERT INTO dynamic_device_groups (tenant_id, group_id, name, query_filter) VALUES
    ('acme', 'dyn-91b2', 'Critical and online', '{"status": "ONLINE", "tags": ["critical"]}'),
    ('acme', 'dyn-77e0', 'Wet and critical', '{"tags": ["critical", "water"]}'),
    ('acme', 'dyn-3c15', 'West', '{"site_id": "warehouse-west"}');
