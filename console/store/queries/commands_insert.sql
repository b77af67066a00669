-- Commit drafts as queued, all or none: $1 role, $2 tenant, $3 lock wait, then the drafts by column, and whether they are audited.
SELECT * FROM device_console.send(
    $1::text, $2::text, $3::text, $4::text[], $5::text[], $6::text[], $7::text[], $8::double precision[], $9::text[], $10::text[], $11::boolean)
