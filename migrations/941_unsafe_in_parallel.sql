-- Migration 941: what a parallel plan must not run, and how large a stored answer's status is before it is compared.

-- These begin a subtransaction, or call what does: before PostgreSQL 17 a parallel plan fails with it, in the leader too.
ALTER FUNCTION device_console.json_bytes(JSONB, INTEGER) PARALLEL UNSAFE;
ALTER FUNCTION device_console.json_shown(JSONB, INTEGER) PARALLEL UNSAFE;
ALTER FUNCTION device_console.ack_word(JSONB) PARALLEL UNSAFE;

-- An answer as this console stores it, also when another program has stored it as it came: for comparing. A status that
-- is no text becomes one where it is short; a longer one is null here, which no answer of this console has.
CREATE OR REPLACE FUNCTION device_console.plain_answer(answer JSONB) RETURNS JSONB
LANGUAGE sql STABLE PARALLEL UNSAFE
RETURN CASE WHEN jsonb_typeof(answer) = 'object' THEN jsonb_build_object(
    'status', CASE COALESCE(jsonb_typeof(answer -> 'status'), 'null')
        WHEN 'null' THEN jsonb '"ok"'
        WHEN 'string' THEN answer -> 'status'
        ELSE CASE WHEN device_console.json_bytes(answer -> 'status', 65536) <= 65536
                  THEN to_jsonb((answer -> 'status')::text) ELSE jsonb 'null' END END,
    'details', CASE COALESCE(jsonb_typeof(answer -> 'details'), 'null')
        WHEN 'null' THEN jsonb 'null'
        WHEN 'object' THEN answer -> 'details'
        ELSE jsonb_build_object('value', answer -> 'details') END)
    ELSE answer END;
