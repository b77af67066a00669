-- Migration 920: an operator sets only the columns that sending needs, no value of one tenant's rows may break a statement
-- that serves all, and a login may be bound to tenants.

-- Which tenants a login may choose. A login without a row here may choose any; the owner writes this table, nobody else.
CREATE TABLE device_console.login_tenants (
    login           TEXT        NOT NULL,
    tenant_id       TEXT        NOT NULL,
    PRIMARY KEY (login, tenant_id)
);
ALTER TABLE device_console.login_tenants ENABLE ROW LEVEL SECURITY;

-- The tenant of this transaction, or null where none is chosen or the login may not choose it. The login is
-- session_user: SET ROLE does not change it.
CREATE FUNCTION device_console.own_tenant() RETURNS TEXT
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.tenant_id FROM (SELECT NULLIF(current_setting('app.tenant_id', true), '') AS tenant_id) s
    WHERE NOT EXISTS (SELECT FROM device_console.login_tenants m WHERE m.login = session_user)
       OR EXISTS (SELECT FROM device_console.login_tenants m
                  WHERE m.login = session_user AND m.tenant_id = s.tenant_id)
$$;

-- The tenants that this login is bound to; null where the map does not name it.
CREATE FUNCTION device_console.bound_tenants() RETURNS TEXT[]
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg(m.tenant_id ORDER BY m.tenant_id) FROM device_console.login_tenants m
    WHERE m.login = session_user
$$;

-- Asked once a statement, not once a row.
ALTER POLICY outbox_tenant_isolation ON device_console.outbox
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
ALTER POLICY journal_tenant_isolation ON device_console.journal
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
ALTER POLICY problems_tenant_isolation ON device_console.problems
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
ALTER POLICY problems_of_nobody ON device_console.problems
    USING (tenant_id = '' AND kind IN ('link', 'unknown tenant') AND (SELECT device_console.own_tenant()) IS NOT NULL);
ALTER POLICY batches_tenant_isolation ON device_console.batches
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
ALTER POLICY batch_members_tenant_isolation ON device_console.batch_members
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
ALTER POLICY batch_targets_tenant_isolation ON device_console.batch_targets
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));

-- Take commands out of the outbox, for a cancel: what no dispatcher holds. An operator has no DELETE there: whoever has
-- it may lock the whole table.
CREATE FUNCTION device_console.take_back(p_commands TEXT[])
RETURNS TABLE (command_id TEXT, attempt INTEGER, last_error TEXT)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM device_console.outbox o USING unnest(p_commands) AS i(command_id)
    WHERE o.tenant_id = device_console.own_tenant() AND o.command_id = i.command_id
      AND (o.holder IS NULL OR o.due_at <= now())
    RETURNING o.command_id, o.attempt, o.last_error
$$;

-- held_back: it waits for an earlier command of its device and is not looked at again before that, or before due_at.
ALTER TABLE device_console.outbox ADD COLUMN held_back BOOLEAN NOT NULL DEFAULT false;

-- What operators could write so far is put right before the rules hold. Ids that no index entry holds cannot be published.
DELETE FROM device_console.outbox
WHERE octet_length(tenant_id) > 1000 OR octet_length(command_id) > 1000 OR octet_length(device_id) > 1000;
UPDATE device_console.outbox
SET attempt = LEAST(GREATEST(attempt, 0), 1000000),
    due_at = CASE WHEN due_at < '2000-01-01' THEN now() ELSE due_at END,
    created_at = LEAST(GREATEST(created_at, '2000-01-01'), now()),
    last_error = left(last_error, 1000);
DO $$
DECLARE
    v_outbox  TEXT := pg_get_serial_sequence('device_console.outbox', 'seq');
    v_journal TEXT := pg_get_serial_sequence('device_console.journal', 'entry_id');
BEGIN
    -- numbers that were taken in advance: what is below 2^53 is passed by, the rest gets a number of its own
    PERFORM setval(v_outbox, GREATEST(nextval(v_outbox), (
        SELECT COALESCE(max(seq), 1) FROM device_console.outbox WHERE seq BETWEEN 1 AND 9007199254740992)));
    PERFORM setval(v_journal, GREATEST(nextval(v_journal), (
        SELECT COALESCE(max(entry_id), 1) FROM device_console.journal WHERE entry_id BETWEEN 1 AND 9007199254740992)));
    UPDATE device_console.outbox SET seq = DEFAULT WHERE seq NOT BETWEEN 1 AND 9007199254740992;
    UPDATE device_console.journal SET entry_id = DEFAULT WHERE entry_id NOT BETWEEN 1 AND 9007199254740992;
END
$$;

ALTER TABLE device_console.outbox
    ADD CONSTRAINT outbox_attempt CHECK (attempt BETWEEN 0 AND 1000000),
    ADD CONSTRAINT outbox_due_at CHECK (due_at >= '2000-01-01'),
    ADD CONSTRAINT outbox_created_at CHECK (created_at BETWEEN '2000-01-01' AND '9999-12-31'),
    ADD CONSTRAINT outbox_seq CHECK (seq > 0),
    ADD CONSTRAINT outbox_last_error CHECK (length(last_error) <= 1000),
    ADD CONSTRAINT outbox_ids CHECK (octet_length(tenant_id) <= 1000 AND octet_length(command_id) <= 1000
                                     AND octet_length(device_id) <= 1000);
-- Rows that are there already stay as they are.
ALTER TABLE device_console.journal
    ADD CONSTRAINT journal_texts CHECK (octet_length(command_id) <= 1000 AND length(by_name) <= 1000
                                        AND length(detail) <= 20000) NOT VALID,
    ADD CONSTRAINT journal_entry_id CHECK (entry_id > 0) NOT VALID;
ALTER TABLE device_console.batches
    ADD CONSTRAINT batches_ttl_s CHECK (ttl_s BETWEEN 0 AND 3155760000) NOT VALID,
    ADD CONSTRAINT batches_wanted CHECK (wanted >= 0) NOT VALID,
    ADD CONSTRAINT batches_created_at CHECK (created_at BETWEEN '2000-01-01' AND '9999-12-31') NOT VALID;

-- What is due of one tenant is found without looking at the others', nor at what is leased or parked.
DROP INDEX device_console.outbox_order;
CREATE INDEX outbox_due ON device_console.outbox (tenant_id, due_at, seq) WHERE due_at < 'infinity';

-- Whoever takes a command out of the outbox lets the next one of its device be looked at.
CREATE FUNCTION device_console.next_in_turn() RETURNS TRIGGER
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH next AS MATERIALIZED (
        SELECT n.tenant_id, n.command_id
        FROM (SELECT DISTINCT g.tenant_id, g.device_id FROM gone g) d
        CROSS JOIN LATERAL (
            SELECT o.tenant_id, o.command_id, o.held_back FROM device_console.outbox o
            WHERE o.tenant_id = d.tenant_id AND o.device_id = d.device_id AND o.due_at < 'infinity'
            ORDER BY o.created_at, o.seq LIMIT 1
            FOR UPDATE SKIP LOCKED) n
        WHERE n.held_back
    )
    UPDATE device_console.outbox o SET held_back = false, due_at = LEAST(o.due_at, now())
    FROM next n WHERE o.tenant_id = n.tenant_id AND o.command_id = n.command_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_next_in_turn AFTER DELETE ON device_console.outbox
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION device_console.next_in_turn();

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.own_tenant, device_console.bound_tenants, device_console.take_back,
                           device_console.next_in_turn FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('REVOKE INSERT, DELETE ON device_console.outbox FROM %I', operator_role);
        -- it names our session at the broker: whoever knows that may take its place there
        EXECUTE format('REVOKE SELECT ON device_console.deployment FROM %I', operator_role);
        EXECUTE format('REVOKE INSERT ON device_console.journal, device_console.batches FROM %I', operator_role);
        EXECUTE format('GRANT INSERT (tenant_id, command_id, device_id) ON device_console.outbox TO %I', operator_role);
        EXECUTE format('GRANT INSERT (tenant_id, command_id, kind, by_name, detail) ON device_console.journal TO %I',
                       operator_role);
        EXECUTE format('GRANT INSERT (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, retry_of, '
                       'created_by) ON device_console.batches TO %I', operator_role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.own_tenant, device_console.bound_tenants, '
                       'device_console.take_back TO %I', operator_role);
    END IF;
END
$$;
