-- What becomes of a batch of answers, written set by set, as plainly as it can be: the reference that the functions of
-- migrations/repeatable/80_answers.sql are compared with (test_random_answers). Slow on purpose where that is simpler.

CREATE OR REPLACE FUNCTION device_console.acknowledge_by_sets(
    p_tenants TEXT[], p_devices TEXT[], p_commands TEXT[], p_acks TEXT[], p_accept_late BOOLEAN
) RETURNS TABLE (n INTEGER, outcome TEXT)
LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_outcomes TEXT[];
    v_now TIMESTAMPTZ;
BEGIN
    PERFORM FROM public.device_commands c
    JOIN (SELECT DISTINCT i.tenant_id, i.command_id
          FROM unnest(p_tenants, p_commands) AS i(tenant_id, command_id)) i
      ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
    ORDER BY c.tenant_id, c.command_id
    FOR UPDATE OF c;

    -- one instant for both columns: equality is what marks a publication as inferred
    v_now := clock_timestamp();
    WITH input AS MATERIALIZED (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack::jsonb AS ack, i.ack AS ack_text
        FROM unnest(p_tenants, p_devices, p_commands, p_acks)
             WITH ORDINALITY AS i(tenant_id, device_id, command_id, ack, n)
    ), firsts AS MATERIALIZED (
        -- the device belongs to the key: on two columns a forged ACK would suppress the real one
        SELECT DISTINCT ON (i.tenant_id, i.command_id, i.device_id) i.*
        FROM input i ORDER BY i.tenant_id, i.command_id, i.device_id, i.n
    ), before AS MATERIALIZED (
        SELECT f.n, f.tenant_id, f.command_id, f.ack, c.status, c.ack_details,
               c.status = 'delivered' OR c.acked_at IS NOT NULL AS is_answered,
               (c.expires_at < v_now OR c.status IN ('missed', 'expired')) AS is_late
        FROM firsts f
        JOIN public.device_commands c ON c.tenant_id = f.tenant_id AND c.command_id = f.command_id
                                     AND c.device_id = f.device_id
    ), won AS (
        UPDATE public.device_commands c
        SET status = 'delivered', acked_at = v_now, ack_details = b.ack,
            published_at = COALESCE(c.published_at, v_now)
        FROM before b
        WHERE c.tenant_id = b.tenant_id AND c.command_id = b.command_id
          AND c.status IN ('queued', 'missed', 'expired') AND NOT b.is_answered
          AND (p_accept_late OR NOT b.is_late)
        RETURNING b.n, b.is_late
    ), healed AS (
        UPDATE public.device_commands c
        SET status = 'delivered', published_at = COALESCE(c.published_at, c.acked_at)
        FROM before b
        WHERE c.tenant_id = b.tenant_id AND c.command_id = b.command_id
          AND b.is_answered AND c.status IN ('queued', 'missed', 'expired')
    ), verdicts AS (
        SELECT i.n, i.tenant_id, i.device_id, i.command_id, i.ack_text,
               CASE
                   WHEN c.command_id IS NULL THEN 'unknown'
                   WHEN c.device_id <> i.device_id THEN 'forged'
                   WHEN w.n IS NOT NULL AND w.is_late THEN 'late'
                   WHEN w.n IS NOT NULL THEN 'acked'
                   WHEN NOT b.is_answered AND b.is_late AND NOT p_accept_late THEN 'late recorded'
                   WHEN i.ack = COALESCE(
                       CASE WHEN b.is_answered THEN device_console.plain_answer(b.ack_details) END, b.ack)
                       THEN 'duplicate'
                   ELSE 'conflict'
               END AS outcome
        FROM input i
        LEFT JOIN public.device_commands c ON c.tenant_id = i.tenant_id AND c.command_id = i.command_id
        LEFT JOIN firsts f ON f.tenant_id = i.tenant_id AND f.command_id = i.command_id
                          AND f.device_id = i.device_id
        LEFT JOIN before b ON b.n = f.n
        LEFT JOIN won w ON w.n = i.n
    ), recorded AS (
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        SELECT v.tenant_id, v.command_id, CASE v.outcome WHEN 'conflict' THEN 'conflict' ELSE 'late_ack' END,
               left(v.ack_text, 4000)
        FROM verdicts v LEFT JOIN firsts f ON f.n = v.n
        WHERE v.outcome = 'conflict'
              AND NOT EXISTS (SELECT FROM device_console.journal j
                              WHERE j.tenant_id = v.tenant_id AND j.command_id = v.command_id
                                AND j.kind = 'conflict' AND j.detail = left(v.ack_text, 4000))
           OR v.outcome = 'late recorded' AND f.n IS NOT NULL
              AND NOT EXISTS (SELECT FROM device_console.journal j
                              WHERE j.tenant_id = v.tenant_id AND j.command_id = v.command_id
                                AND j.kind = 'late_ack')
        GROUP BY 1, 2, 3, 4
        ORDER BY min(v.n)
    )
    SELECT array_agg(v.outcome ORDER BY v.n) INTO v_outcomes FROM verdicts v;

    IF 'conflict' = ANY (v_outcomes) THEN
        PERFORM device_console.keep_newest(p_tenants, p_commands, 'conflict');
    END IF;
    PERFORM device_console.announce(p_tenants);
    RETURN QUERY SELECT o.n::integer, o.outcome FROM unnest(v_outcomes) WITH ORDINALITY AS o(outcome, n);
END
$$;
