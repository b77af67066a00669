-- What was sent lately, each kind once, the newest first: type, params and TTL to send again. $2: the longest TTL.
SELECT n.command_type, n.params_json, n.ttl_s
FROM (SELECT DISTINCT ON (c.command_type, c.command_params) c.command_type, c.command_params::text AS params_json,
             extract(epoch FROM LEAST(c.expires_at, c.created_at + $2::interval) - c.created_at)::double precision
                 AS ttl_s, c.created_at
      FROM (SELECT * FROM public.device_commands d WHERE d.tenant_id = $1
            ORDER BY d.created_at DESC LIMIT 500) c
      WHERE device_console.json_bytes(c.command_params, 4000) <= 4000
        AND c.created_at BETWEEN '2000-01-01' AND '9999-12-31' AND c.expires_at > c.created_at
      ORDER BY c.command_type, c.command_params, c.created_at DESC) n
ORDER BY n.created_at DESC
LIMIT 30
