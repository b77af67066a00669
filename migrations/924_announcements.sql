-- Migration 924: what LISTEN shows. Everybody who may connect may LISTEN, so a notification names a tenant by a digest that only
-- its own operators can recognise.

ALTER TABLE device_console.deployment
    ADD COLUMN notify_key TEXT NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text;

-- The word for a tenant in notifications: keyed, so that nobody can try names out.
CREATE FUNCTION device_console.digest_of(p_tenant TEXT) RETURNS TEXT
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(encode(sha256(convert_to(d.notify_key || p_tenant, 'UTF8')), 'hex'), 32) FROM device_console.deployment d
$$;

-- Tell the processes that listen which tenants changed. For the console's own functions.
CREATE OR REPLACE FUNCTION device_console.announce(p_tenants TEXT[]) RETURNS VOID
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_notify('device_console', device_console.digest_of(t.tenant_id))
    FROM (SELECT DISTINCT unnest(p_tenants) AS tenant_id) t WHERE device_console.id_is_routable(t.tenant_id)
$$;

-- The same for an operator, of its own tenant only; and the word to look for.
CREATE FUNCTION device_console.announce_own() RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT device_console.announce(ARRAY[device_console.own_tenant()])
$$;
CREATE FUNCTION device_console.own_digest() RETURNS TEXT
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT device_console.digest_of(device_console.own_tenant())
$$;

-- Functions that notify by themselves say the same from now on. Only the line that notifies is replaced in them.
DO $$
DECLARE
    v_function REGPROCEDURE;
BEGIN
    FOR v_function IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'device_console'::regnamespace AND p.proname IN ('mark', 'acknowledge')
          AND p.prosrc LIKE '%pg_notify(''device_console''%'
    LOOP
        EXECUTE regexp_replace(
            pg_get_functiondef(v_function),
            'PERFORM pg_notify\(''device_console'', i\.tenant_id\)\s+FROM \(SELECT DISTINCT unnest\(p_tenants\) AS tenant_id\) i[^;]*;',
            'PERFORM device_console.announce(p_tenants);', 'g');
    END LOOP;
END
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.digest_of, device_console.announce, device_console.announce_own,
                           device_console.own_digest FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.announce_own, device_console.own_digest TO %I',
                       operator_role);
    END IF;
END
$$;
