-- Registers demo devices. $1 tenant; the other parameters are columns of the batch.
INSERT INTO public.device_registry
    (tenant_id, device_id, device_type, site_id, model, manufacturer, fw_version, serial_number,
     latitude, longitude, address, status, decommissioned_at, hw_revision, metadata, created_at, updated_at)
SELECT $1, d.device_id, d.kind, d.site_id, d.model, d.manufacturer, d.fw_version, d.serial_number,
       d.latitude, d.longitude, d.address, d.status,
       CASE WHEN d.decommissioned THEN now() - interval '20 days' END,
       'B', '{"demo": true}', now() - interval '400 days', now() - interval '9 days'
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::double precision[], $10::double precision[], $11::text[], $12::text[], $13::boolean[])
    AS d(device_id, kind, site_id, model, manufacturer, fw_version, serial_number,
         latitude, longitude, address, status, decommissioned)
