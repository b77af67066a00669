-- History rows of the demo. $1 tenant; times are seconds before now ($8) or after creation ($9 to $11).
INSERT INTO public.device_commands
    (tenant_id, command_id, device_id, command_type, command_params, status, created_by, created_at,
     expires_at, published_at, acked_at, ack_details)
SELECT $1, c.command_id, c.device_id, c.command_type, c.params::jsonb, c.status, c.created_by, c.created_at,
       c.created_at + make_interval(secs => c.ttl_s), c.created_at + make_interval(secs => c.published_s),
       c.created_at + make_interval(secs => c.acked_s), c.ack::jsonb
FROM (
    SELECT i.*, now() - make_interval(secs => i.age_s) AS created_at
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::double precision[],
                $9::double precision[], $10::double precision[], $11::double precision[], $12::text[])
        AS i(command_id, device_id, command_type, params, status, created_by, age_s, ttl_s, published_s,
             acked_s, ack)
) c
