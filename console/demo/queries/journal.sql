-- Journal entries of the demo. $1 tenant, $4 seconds before now; attempts of the demo ended unanswered.
INSERT INTO device_console.journal (tenant_id, command_id, kind, at, by_name, detail, attempt, outcome)
SELECT $1, i.command_id, i.kind, now() - make_interval(secs => i.age_s), i.by_name, i.detail, i.attempt,
       CASE WHEN i.attempt IS NOT NULL THEN 'unknown' END
FROM unnest($2::text[], $3::text[], $4::double precision[], $5::text[], $6::text[], $7::integer[])
    AS i(command_id, kind, age_s, by_name, detail, attempt)
