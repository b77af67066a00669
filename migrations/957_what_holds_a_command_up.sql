-- Migration 957: what holds a command up is told for each, not for the first of its device only, and not as "its turn never came".

-- What stands or stood against publishing one; null when nothing is known to. It runs with the rights of its caller.
CREATE FUNCTION device_console.held_up(p_tenant TEXT, p_device TEXT, p_seq BIGINT, p_at TIMESTAMPTZ) RETURNS TEXT
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN t.status IS DISTINCT FROM 'ACTIVE' THEN 'the tenant is ' || COALESCE(lower(left(t.status, 100)), 'gone')
        WHEN EXISTS (SELECT FROM public.device_registry r
                     WHERE r.tenant_id = p_tenant AND r.device_id = p_device AND r.decommissioned_at <= now())
            THEN 'the device is decommissioned'
        WHEN NOT EXISTS (SELECT FROM device_console.leases l
                         WHERE l.role = 'dispatch' AND l.link <> '' AND NOT device_console.is_stale(l.beat_at)
                           AND l.taken_at < p_at - interval '1 second')
            THEN 'no connection to the broker'
        ELSE (
            SELECT 'behind an earlier command of its device'
                   || COALESCE(' (' || left(o.last_error, 200) || ')', '')
            FROM device_console.outbox o
            WHERE o.tenant_id = p_tenant AND o.device_id = p_device AND o.seq < p_seq AND o.due_at < 'infinity'
            ORDER BY o.seq LIMIT 1)
    END
    FROM (SELECT) one
    LEFT JOIN public.tenants t ON t.tenant_id = p_tenant
$$;

-- The same for a command of the operator's tenant that waits now.
CREATE FUNCTION device_console.held_up_now(p_command TEXT) RETURNS TEXT
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT device_console.held_up(o.tenant_id, o.device_id, o.seq, now())
    FROM device_console.outbox o
    WHERE o.tenant_id = device_console.own_tenant() AND o.command_id = p_command
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
    v_text    TEXT;
    v_changed TEXT;
BEGIN
    SELECT pg_get_functiondef(p.oid) INTO STRICT v_text FROM pg_proc p
    WHERE p.pronamespace = 'device_console'::regnamespace AND p.proname = 'settle';
    v_changed := replace(
        replace(v_text, 'RETURNING o.tenant_id, o.command_id, o.attempt, o.last_error, s.status',
                'RETURNING o.tenant_id, o.command_id, o.device_id, o.seq, o.attempt, o.last_error, s.status, s.expires_at'),
        'COALESCE(d.last_error, ''its turn never came'')',
        'COALESCE(d.last_error, device_console.held_up(d.tenant_id, d.device_id, d.seq, d.expires_at), ''its turn never came'')');
    IF v_changed NOT LIKE '%s.status, s.expires_at%' OR v_changed NOT LIKE '%d.last_error, %''its turn never came'')%' THEN
        RAISE EXCEPTION 'the function settle is not the one that this migration changes';
    END IF;
    EXECUTE v_changed;

    REVOKE ALL ON FUNCTION device_console.held_up, device_console.held_up_now FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.held_up_now TO %I', operator_role);
    END IF;
END
$$;
