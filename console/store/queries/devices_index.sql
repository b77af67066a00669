-- Every device of a tenant, only what sorting and filtering need. $2 words that must all occur.
SELECT r.device_id, lower(s.status) AS link, r.site_id, r.model, r.fw_version,
       device_console.shown(s.last_seen_at) AS last_seen_at
FROM public.device_registry r
LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id
WHERE r.tenant_id = $1
  AND NOT EXISTS (
      SELECT FROM unnest($2::text[]) AS word
      WHERE position(word IN lower(concat_ws(' ', r.device_id, COALESCE(s.status, 'unknown'), r.site_id, r.model,
                                             r.fw_version, r.status))) = 0)
ORDER BY r.device_id
