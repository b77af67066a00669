-- Who sees which rows: an operator those of its own tenant. The tenant is asked once a statement, not once a row.
-- A policy is made anew only where this file changed, since that takes a lock that workers wait for.

DROP POLICY IF EXISTS outbox_tenant_isolation ON device_console.outbox;
CREATE POLICY outbox_tenant_isolation ON device_console.outbox
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS journal_tenant_isolation ON device_console.journal;
CREATE POLICY journal_tenant_isolation ON device_console.journal
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS problems_tenant_isolation ON device_console.problems;
CREATE POLICY problems_tenant_isolation ON device_console.problems
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS batches_tenant_isolation ON device_console.batches;
CREATE POLICY batches_tenant_isolation ON device_console.batches
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS batch_members_tenant_isolation ON device_console.batch_members;
CREATE POLICY batch_members_tenant_isolation ON device_console.batch_members
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS batch_targets_tenant_isolation ON device_console.batch_targets;
CREATE POLICY batch_targets_tenant_isolation ON device_console.batch_targets
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS minute_totals_tenant_isolation ON device_console.minute_totals;
CREATE POLICY minute_totals_tenant_isolation ON device_console.minute_totals
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS hour_groups_tenant_isolation ON device_console.hour_groups;
CREATE POLICY hour_groups_tenant_isolation ON device_console.hour_groups
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS type_latency_tenant_isolation ON device_console.type_latency;
CREATE POLICY type_latency_tenant_isolation ON device_console.type_latency
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS recent_ends_tenant_isolation ON device_console.recent_ends;
CREATE POLICY recent_ends_tenant_isolation ON device_console.recent_ends
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));
DROP POLICY IF EXISTS folds_tenant_isolation ON device_console.folds;
CREATE POLICY folds_tenant_isolation ON device_console.folds
    USING (tenant_id = (SELECT device_console.own_tenant()))
    WITH CHECK (tenant_id = (SELECT device_console.own_tenant()));

-- Trouble with the links, and what comes on topics of tenants that do not exist, belongs to no tenant (''): every operator
-- who has one may read it. No other row of the tenant '' is anybody's.
DROP POLICY IF EXISTS problems_of_nobody ON device_console.problems;
CREATE POLICY problems_of_nobody ON device_console.problems FOR SELECT
    USING (tenant_id = '' AND kind IN ('link', 'unknown tenant') AND (SELECT device_console.own_tenant()) IS NOT NULL);
