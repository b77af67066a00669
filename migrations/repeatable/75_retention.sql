-- Decided in docs/decisions/0080-retention-by-block-ranges.md
-- Deletes commands that ended long ago, if the owner has set for how long they are kept.

-- Decided in docs/decisions/0082-a-platforms-rows.md
-- The setting; is_own is whether the console's migrations made device_commands, is_on whether anything is deleted at all.
CREATE OR REPLACE FUNCTION device_console.retention(
    OUT keep_s BIGINT, OUT is_own BOOLEAN, OUT is_on BOOLEAN
)
LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.keep_s, m.is_own, d.keep_s IS NOT NULL AND (m.is_own OR d.prunes_platform_table)
    FROM device_console.deployment d
    CROSS JOIN (SELECT EXISTS (SELECT FROM device_console.migrations h
                               WHERE h.name = 'device_commands' AND h.origin = 'applied') AS is_own) m
$$;

-- Decided in docs/decisions/0081-bulk-sends-and-retention.md
-- Delete the ended commands in this range of places whose deadline is before p_before, with all that is recorded about them; return how many.
-- What others have locked stays, what waits in the outbox, and what has a kept answer. A bulk send goes with its last command. While it has
-- others, it is stopped: `resume` would take those that are deleted for unsent. One that is being committed at this moment is locked, and the whole
-- range is left for the next pass; so nothing is waited for. IS TRUE is for no index: a platform's, on deadlines, would be read from its
-- beginning for each range.
CREATE OR REPLACE FUNCTION device_console.prune_range(p_from TID, p_to TID, p_before TIMESTAMPTZ) RETURNS INTEGER
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_places   TID[];
    v_tenants  TEXT[];
    v_commands TEXT[];
    v_owners   TEXT[];  -- the tenants of v_batches
    v_batches  TEXT[];
    v_there    BIGINT;
    v_locked   BIGINT;
    v_count    INTEGER;
BEGIN
    SELECT array_agg(o.place), array_agg(o.tenant_id), array_agg(o.command_id) INTO v_places, v_tenants, v_commands
    FROM (SELECT c.ctid AS place, c.tenant_id::text AS tenant_id, c.command_id::text AS command_id
          FROM public.device_commands c
          WHERE c.ctid >= p_from AND c.ctid < p_to
            AND (c.status IN ('delivered', 'missed', 'expired') AND c.expires_at < p_before) IS TRUE
            AND NOT EXISTS (SELECT FROM device_console.outbox q WHERE q.command_id = c.command_id AND q.tenant_id = c.tenant_id)
            AND NOT EXISTS (SELECT FROM device_console.kept_answers a
                            WHERE a.tenant_id = c.tenant_id AND a.command_id = c.command_id)
          FOR UPDATE OF c SKIP LOCKED) o;
    IF v_places IS NULL THEN
        RETURN 0;
    END IF;

    WITH members AS (
        DELETE FROM device_console.batch_members m USING unnest(v_tenants, v_commands) AS i(tenant_id, command_id)
        WHERE m.tenant_id = i.tenant_id AND m.command_id = i.command_id
        RETURNING m.tenant_id, m.batch_id
    )
    SELECT array_agg(b.tenant_id), array_agg(b.batch_id) INTO v_owners, v_batches
    FROM (SELECT DISTINCT m.tenant_id, m.batch_id FROM members m) b;
    IF v_batches IS NOT NULL THEN
        SELECT count(*) INTO v_there
        FROM unnest(v_owners, v_batches) AS i(tenant_id, batch_id)
        JOIN device_console.batches b ON b.tenant_id = i.tenant_id AND b.batch_id = i.batch_id;
        SELECT count(*) INTO v_locked
        FROM (SELECT FROM unnest(v_owners, v_batches) AS i(tenant_id, batch_id)
              JOIN device_console.batches b ON b.tenant_id = i.tenant_id AND b.batch_id = i.batch_id
              FOR UPDATE OF b SKIP LOCKED) l;
        IF v_locked < v_there THEN
            RAISE EXCEPTION 'a bulk send is being committed' USING ERRCODE = 'lock_not_available';
        END IF;
        UPDATE device_console.batches b SET stopped_at = now(), stopped_by = 'retention'
        FROM unnest(v_owners, v_batches) AS i(tenant_id, batch_id)
        WHERE b.tenant_id = i.tenant_id AND b.batch_id = i.batch_id AND b.stopped_at IS NULL
          AND EXISTS (SELECT FROM device_console.batch_members m WHERE m.tenant_id = b.tenant_id AND m.batch_id = b.batch_id);
        WITH gone AS (
            DELETE FROM device_console.batches b USING unnest(v_owners, v_batches) AS i(tenant_id, batch_id)
            WHERE b.tenant_id = i.tenant_id AND b.batch_id = i.batch_id
              AND NOT EXISTS (SELECT FROM device_console.batch_members m
                              WHERE m.tenant_id = b.tenant_id AND m.batch_id = b.batch_id)
            RETURNING b.tenant_id, b.batch_id
        )
        DELETE FROM device_console.batch_targets t USING gone g
        WHERE t.tenant_id = g.tenant_id AND t.batch_id = g.batch_id;
    END IF;

    DELETE FROM device_console.journal j USING unnest(v_tenants, v_commands) AS i(tenant_id, command_id)
    WHERE j.tenant_id = i.tenant_id AND j.command_id = i.command_id;
    DELETE FROM public.device_commands c WHERE c.ctid = ANY (v_places);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;

-- Delete what is older than the setting in p_blocks blocks (1 to 1,024) of device_commands from p_from_block on. next_block is where to go on;
-- null at the end of the table, and when nothing is to be deleted. refused says why the table would not let rows of this range go, as a trigger
-- or another table that refers to it may: they all stay. No screen is told: these rows are far from what it shows.
CREATE OR REPLACE FUNCTION device_console.prune_settled(
    p_from_block BIGINT, p_blocks INTEGER, OUT pruned INTEGER, OUT next_block BIGINT, OUT refused TEXT
)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off
SET lock_timeout = '100ms'  -- shorter than the search for a deadlock: whoever meets us goes on
AS $$
DECLARE
    v_all    CONSTANT BIGINT := pg_relation_size('public.device_commands') / current_setting('block_size')::bigint;
    v_from   CONSTANT BIGINT := GREATEST(p_from_block, 0);
    v_to     CONSTANT BIGINT := v_from + LEAST(GREATEST(p_blocks, 1), 1024);
    v_keep_s BIGINT;
BEGIN
    pruned := 0;
    SELECT r.keep_s INTO v_keep_s FROM device_console.retention() r WHERE r.is_on;
    IF v_keep_s IS NULL OR v_from >= v_all THEN
        RETURN;
    END IF;
    IF v_to < v_all THEN
        next_block := v_to;
    END IF;
    -- nobody waits for the disk: what a crash of the server takes back is deleted by the next pass
    PERFORM set_config('synchronous_commit', 'off', true);
    BEGIN
        pruned := device_console.prune_range(
            format('(%s,0)', v_from)::tid, format('(%s,0)', LEAST(v_to, v_all))::tid, now() - v_keep_s * interval '1 second');
    EXCEPTION
        WHEN lock_not_available THEN
            NULL;
        WHEN OTHERS THEN
            IF device_console.concerns_all(SQLSTATE) THEN
                RAISE;
            END IF;
            refused := left(SQLERRM, 500);
    END;
END
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.retention, device_console.prune_range, device_console.prune_settled FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.retention, device_console.prune_settled TO %I', current_setting('device_console.worker_role'));
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.retention TO %I', operator_role);
    END IF;
END
$$;
