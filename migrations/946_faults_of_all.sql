-- Migration 946: what is wrong with the tables themselves is wrong for every row, and no row is put off for it.

-- Whether an error would meet every row alike, so that it is passed on: the server's own, and class 42, which names
-- tables, columns, types and rights that are not as the statement expects them.
CREATE OR REPLACE FUNCTION device_console.concerns_all(p_sqlstate TEXT) RETURNS BOOLEAN
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(p_sqlstate, 2) IN ('08', '25', '40', '42', '57', '58') OR p_sqlstate IN ('53100', '53300', '53400');
