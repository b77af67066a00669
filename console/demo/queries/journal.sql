-- Journal entries of the demo. $1 tenant, $4 seconds before now.
INSERT INTO device_console.journal (tenant_id, command_id, kind, at, by_name, detail)
SELECT $1, i.command_id, i.kind, now() - make_interval(secs => i.age_s), i.by_name, i.detail
FROM unnest($2::text[], $3::text[], $4::double precision[], $5::text[], $6::text[])
    AS i(command_id, kind, age_s, by_name, detail)
