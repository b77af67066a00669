-- Migration 906: trouble with the links concerns every tenant: such a problem belongs to none ('') and every
-- operator who has a tenant may read it. No other row of the tenant '' is anybody's.

CREATE POLICY problems_of_the_links ON device_console.problems FOR SELECT
    USING (tenant_id = '' AND kind = 'link' AND NULLIF(current_setting('app.tenant_id', true), '') IS NOT NULL);
