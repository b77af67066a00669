-- What a filter's keys have for values in this tenant, at most 200 each. $1 tenant.
SELECT array(SELECT r.site_id FROM public.device_registry r WHERE r.tenant_id = $1 AND r.site_id <> ''
             GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 200) AS site,
       array(SELECT r.model FROM public.device_registry r WHERE r.tenant_id = $1 AND r.model <> ''
             GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 200) AS model,
       array(SELECT r.fw_version FROM public.device_registry r WHERE r.tenant_id = $1 AND r.fw_version <> ''
             GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 200) AS fw,
       array(SELECT t.tag FROM public.device_tags t WHERE t.tenant_id = $1
             GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 200) AS tag,
       array(SELECT g.group_id FROM public.device_groups g WHERE g.tenant_id = $1 ORDER BY 1 LIMIT 200) AS "group"
