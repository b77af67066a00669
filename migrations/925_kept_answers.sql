-- Migration 925: answers to commands that somebody has locked. They are kept here until the lock is gone, so that one tenant's open
-- transaction does not hold up the answers of all.

-- Keep those answers whose command another session has locked, or that others are kept for already; by their place in the list. A
-- hundred for one command are enough.
CREATE FUNCTION device_console.keep_locked(
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[]
) RETURNS TABLE (n INTEGER)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH input AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack
        FROM unnest(p_tenants, p_devices, p_commands, p_acks)
             WITH ORDINALITY AS i(tenant_id, device_id, command_id, ack, n)
    ), free AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id FROM public.device_commands c
        JOIN (SELECT DISTINCT i.tenant_id, i.command_id FROM input i) i
          ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        ORDER BY c.tenant_id, c.command_id
        FOR UPDATE OF c SKIP LOCKED
    ), locked AS MATERIALIZED (
        SELECT i.*, (SELECT count(*) FROM device_console.kept_answers k
                     WHERE k.tenant_id = i.tenant_id AND k.command_id = i.command_id) AS already
        FROM input i
        JOIN public.device_commands c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        WHERE NOT EXISTS (SELECT FROM free f WHERE f.tenant_id = i.tenant_id AND f.command_id = i.command_id)
           OR EXISTS (SELECT FROM device_console.kept_answers k
                      WHERE k.tenant_id = i.tenant_id AND k.command_id = i.command_id)
    ), added AS (
        INSERT INTO device_console.kept_answers (tenant_id, device_id, command_id, ack)
        SELECT l.tenant_id, l.device_id, l.command_id, l.ack FROM locked l WHERE l.already < 100 ORDER BY l.n
    ), told AS (
        SELECT device_console.record_problems(
            array_agg(l.tenant_id), array_agg('conflicting ack'::text), array_agg(l.device_id), array_agg(l.command_id),
            array_agg('more than a hundred answers came while another session had the command locked'::text))
        FROM locked l WHERE l.already >= 100
    )
    SELECT l.n::integer FROM locked l LEFT JOIN told ON true ORDER BY l.n
$$;

-- The oldest kept answers whose commands nobody has locked now.
CREATE FUNCTION device_console.kept(p_limit INTEGER)
RETURNS TABLE (answer_id BIGINT, tenant_id TEXT, device_id TEXT, command_id TEXT, ack TEXT)
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH free AS MATERIALIZED (
        SELECT c.tenant_id, c.command_id FROM public.device_commands c
        JOIN (SELECT DISTINCT k.tenant_id, k.command_id FROM device_console.kept_answers k) k
          ON c.tenant_id = k.tenant_id AND c.command_id = k.command_id
        FOR UPDATE OF c SKIP LOCKED
    )
    SELECT k.answer_id, k.tenant_id, k.device_id, k.command_id, k.ack
    FROM device_console.kept_answers k
    WHERE EXISTS (SELECT FROM free f WHERE f.tenant_id = k.tenant_id AND f.command_id = k.command_id)
       OR NOT EXISTS (SELECT FROM public.device_commands c
                      WHERE c.tenant_id = k.tenant_id AND c.command_id = k.command_id)
    ORDER BY k.answer_id
    LIMIT p_limit
$$;

-- They were taken.
CREATE FUNCTION device_console.forget_kept(p_answers BIGINT[]) RETURNS VOID
LANGUAGE sql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM device_console.kept_answers k WHERE k.answer_id = ANY (p_answers)
$$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION device_console.keep_locked, device_console.kept, device_console.forget_kept FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.keep_locked, device_console.kept, '
                   'device_console.forget_kept TO %I', current_setting('device_console.worker_role'));
END
$$;
