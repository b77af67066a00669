-- Decided in docs/decisions/0026-a-map-of-logins.md
-- Which tenant a session may act for, and how the processes that listen hear that a tenant's rows changed.

-- The tenant of this transaction, or null where none is chosen or the login may not choose it. The login is
-- session_user: SET ROLE does not change it. Every policy of ours asks it. In plpgsql, which keeps its plan for the session: a
-- function in SQL that runs with its owner's rights is parsed and planned for each statement and table, a third of what a send costs.
CREATE OR REPLACE FUNCTION device_console.own_tenant() RETURNS TEXT
LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT s.tenant_id FROM (SELECT NULLIF(current_setting('app.tenant_id', true), '') AS tenant_id) s
        WHERE NOT EXISTS (SELECT FROM device_console.login_tenants m WHERE m.login = session_user)
           OR EXISTS (SELECT FROM device_console.login_tenants m
                      WHERE m.login = session_user AND m.tenant_id = s.tenant_id));
END
$$;

-- The tenants that this login is bound to; null where the map does not name it.
CREATE OR REPLACE FUNCTION device_console.bound_tenants() RETURNS TEXT[]
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg(m.tenant_id ORDER BY m.tenant_id) FROM device_console.login_tenants m
    WHERE m.login = session_user
$$;

-- The word for a tenant in notifications. Everybody who may connect may LISTEN, so it is a digest that only the tenant's own
-- operators can recognise: keyed, so that nobody can try names out.
CREATE OR REPLACE FUNCTION device_console.keyed_digest(p_key TEXT, p_tenant TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(encode(sha256(convert_to(p_key || p_tenant, 'UTF8')), 'hex'), 32);

CREATE OR REPLACE FUNCTION device_console.digest_of(p_tenant TEXT) RETURNS TEXT
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT device_console.keyed_digest(d.notify_key, p_tenant) FROM device_console.deployment d
$$;

-- Tell the processes that listen which tenants changed. For the console's own functions. In plpgsql, since it is called once a batch, and
-- a function in SQL is planned anew by each caller.
CREATE OR REPLACE FUNCTION device_console.announce(p_tenants TEXT[]) RETURNS VOID
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('device_console', device_console.keyed_digest(d.notify_key, t.tenant_id))
    FROM (SELECT DISTINCT unnest(p_tenants) AS tenant_id) t CROSS JOIN device_console.deployment d
    WHERE device_console.id_is_routable(t.tenant_id);
END
$$;

-- The same for an operator, of its own tenant only; and the word to look for.
CREATE OR REPLACE FUNCTION device_console.announce_own() RETURNS VOID
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM device_console.announce(ARRAY[device_console.own_tenant()]);
END
$$;

CREATE OR REPLACE FUNCTION device_console.own_digest() RETURNS TEXT
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT device_console.digest_of(device_console.own_tenant())
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.own_tenant, device_console.bound_tenants, device_console.keyed_digest, device_console.digest_of,
        device_console.announce, device_console.announce_own, device_console.own_digest FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.own_tenant, device_console.bound_tenants, device_console.announce_own, '
                       'device_console.own_digest TO %I', operator_role);
    END IF;
END
$$;
