-- Command types in recent use, the most used first: suggestions while composing.
SELECT n.command_type, count(*) AS uses
FROM (SELECT c.command_type FROM public.device_commands c
      WHERE c.tenant_id = $1 AND ($2::text IS NULL OR c.device_id = $2)
      ORDER BY c.created_at DESC LIMIT 500) n
GROUP BY n.command_type
ORDER BY uses DESC, n.command_type
LIMIT 20
