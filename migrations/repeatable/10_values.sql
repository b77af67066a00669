-- What is said of single values: ids, documents, instants, errors.

-- Whether an id can be a level of a topic. The body is bound when the function is made: it needs no search_path of its own, so
-- that the planner puts it into the statement instead of calling it for each row.
CREATE OR REPLACE FUNCTION device_console.id_is_routable(value TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN length(value) BETWEEN 1 AND 128
   AND value !~ '[/+#\x01-\x1f\x7f-\x9f]'
   AND value !~ '^\s|\s$';

-- Ids as a problem names them: short enough for an index entry, whatever they are.
CREATE OR REPLACE FUNCTION device_console.short_id(value TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(value, CASE WHEN octet_length(left(value, 256)) > 700 THEN 175 ELSE 256 END);

-- Instants that a client can represent; 'infinity' becomes the year 9999.
CREATE OR REPLACE FUNCTION device_console.shown(instant TIMESTAMPTZ) RETURNS TIMESTAMPTZ
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN instant IS NOT NULL THEN
        LEAST(GREATEST(instant, timestamptz '0001-01-02 00:00:00+00'), timestamptz '9999-12-31 00:00:00+00')
    END
$$;

-- Whether an error would meet every row alike, so that it is passed on: the server's own, and class 42, which names
-- tables, columns, types and rights that are not as the statement expects them.
CREATE OR REPLACE FUNCTION device_console.concerns_all(p_sqlstate TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(p_sqlstate, 2) IN ('08', '25', '40', '42', '57', '58') OR p_sqlstate IN ('53100', '53300', '53400');

-- How large a document is as text, found before it becomes text: a number of few bytes can have 131,072 digits. Null where that is
-- surely more than p_most bytes. Bounded in time and memory whatever the document is: what is stored cannot be larger than several
-- times its text, and the digits of numbers are counted before they are written. It begins a subtransaction: before PostgreSQL 17 a
-- parallel plan fails with it, in the leader too, so neither it nor what calls it may run in one.
CREATE OR REPLACE FUNCTION device_console.json_bytes(p_document JSONB, p_most INTEGER) RETURNS INTEGER
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stored BIGINT;
    v_digits NUMERIC;
BEGIN
    IF p_document IS NULL THEN
        RETURN NULL;
    END IF;
    IF pg_column_size(p_document) > 6 * p_most::bigint THEN  -- perhaps compressed: read no further
        RETURN NULL;
    END IF;
    -- adding nothing gives the document as it lies in memory, uncompressed
    v_stored := pg_column_size(p_document || CASE jsonb_typeof(p_document) WHEN 'object' THEN jsonb '{}' ELSE jsonb '[]' END);
    IF v_stored > 6 * p_most::bigint THEN
        RETURN NULL;
    END IF;
    IF v_stored > 200 THEN  -- a smaller one has room for two megabytes of digits at most
        BEGIN
            SELECT sum(scale(n.number) + CASE WHEN abs(n.number) < 1e20 THEN 20 WHEN abs(n.number) < 1e100 THEN 100
                                              WHEN abs(n.number) < 1e1000 THEN 1000
                                              WHEN abs(n.number) < 1e10000 THEN 10000 ELSE 131072 END)
            INTO v_digits
            FROM (SELECT j::numeric AS number
                  FROM jsonb_path_query(p_document, 'strict $.** ? (@.type() == "number")') AS j OFFSET 0) n;
        EXCEPTION WHEN OTHERS THEN  -- nested too deep to be walked
            RETURN NULL;
        END;
        IF v_digits > 8 * p_most::bigint THEN  -- counted too high by as much as that
            RETURN NULL;
        END IF;
    END IF;
    RETURN octet_length(p_document::text);
END
$$;

-- The first p_most characters of a document's text. Instead of one that is too large to be written stands a text that says so:
-- it is no object, so nobody takes it for params or an answer.
CREATE OR REPLACE FUNCTION device_console.json_shown(p_document JSONB, p_most INTEGER) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL UNSAFE  -- bound when it is made, as id_is_routable is: a page calls it a hundred times
RETURN CASE WHEN p_document IS NULL THEN NULL
                WHEN device_console.json_bytes(p_document, LEAST(GREATEST(p_most, 65536), 1048576)) IS NULL
                THEN '"cut: as text, this document is too long to be shown"'
                ELSE left(p_document::text, p_most) END;

-- The word of an answer: a text, cut, or what stands there instead, where that is short.
CREATE OR REPLACE FUNCTION device_console.ack_word(p_answer JSONB) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL UNSAFE
RETURN CASE jsonb_typeof(p_answer -> 'status')
    WHEN 'string' THEN left(p_answer ->> 'status', 1000)
    WHEN 'null' THEN NULL
    ELSE device_console.json_shown(p_answer -> 'status', 1000) END;

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

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.id_is_routable, device_console.short_id, device_console.shown,
        device_console.concerns_all, device_console.json_bytes, device_console.json_shown,
        device_console.ack_word, device_console.plain_answer FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.id_is_routable TO %I', current_setting('device_console.worker_role'));
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.id_is_routable, device_console.shown, device_console.json_bytes, '
                       'device_console.json_shown, device_console.ack_word TO %I', operator_role);
    END IF;
END
$$;
