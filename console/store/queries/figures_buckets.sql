-- The minutes of a tenant from $2 to before $3 summed by $4, counted from $2 on; pieces without anything have no row.
WITH minutes AS MATERIALIZED (
    SELECT date_bin($4::interval, m.minute, $2) AS at, m.sent, m.ended, m.answered
    FROM device_console.minute_totals m
    WHERE m.tenant_id = $1 AND m.minute >= $2 AND m.minute < $3
), times AS (
    SELECT c.at, array_agg(c.answers ORDER BY c.place) AS answered
    FROM (
        SELECT m.at, a.place, sum(a.answers)::bigint AS answers
        FROM minutes m, unnest(m.answered) WITH ORDINALITY AS a (answers, place)
        GROUP BY m.at, a.place
    ) c
    GROUP BY c.at
), ends AS (
    SELECT m.at, sum(m.sent)::bigint AS sent,
           ARRAY[sum(m.ended[1]), sum(m.ended[2]), sum(m.ended[3]), sum(m.ended[4]), sum(m.ended[5])]::bigint[] AS ended
    FROM minutes m
    GROUP BY m.at
)
SELECT e.at AS minute, e.sent, e.ended, coalesce(t.answered, '{}') AS answered
FROM ends e
LEFT JOIN times t ON t.at = e.at
ORDER BY e.at
