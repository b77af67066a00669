-- The sums of the hours from $2 to before $3 by kind ($4) and name, the most that ended badly first.
SELECT h.kind, h.name,
       ARRAY[sum(h.ended[1]), sum(h.ended[2]), sum(h.ended[3]), sum(h.ended[4]), sum(h.ended[5])]::bigint[] AS ended
FROM device_console.hour_groups h
WHERE h.tenant_id = $1 AND h.hour >= $2 AND h.hour < $3 AND h.kind = ANY ($4::text[])
GROUP BY h.kind, h.name
ORDER BY h.kind, sum(h.ended[2] + h.ended[4] + h.ended[5]) DESC, h.name
