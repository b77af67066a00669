-- Migration 921: how large a JSON document is as text, told before it becomes text: a number of few bytes can have
-- 131,072 digits.

-- The bytes of a document's text, or null where that is surely more than p_most. Bounded in time and memory whatever the document
-- is: what is stored cannot be larger than several times its text, and the digits of numbers are counted before they are written.
CREATE FUNCTION device_console.json_bytes(p_document JSONB, p_most INTEGER) RETURNS INTEGER
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
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
CREATE FUNCTION device_console.json_shown(p_document JSONB, p_most INTEGER) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_document IS NULL THEN NULL
                WHEN device_console.json_bytes(p_document, LEAST(GREATEST(p_most, 65536), 1048576)) IS NULL
                THEN '"cut: as text, this document is too long to be shown"'
                ELSE left(p_document::text, p_most) END
$$;

DO $$
DECLARE
    operator_role TEXT := current_setting('device_console.operator_role');
BEGIN
    REVOKE ALL ON FUNCTION device_console.json_bytes, device_console.json_shown FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = operator_role) THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION device_console.json_bytes, device_console.json_shown TO %I',
                       operator_role);
    END IF;
END
$$;
