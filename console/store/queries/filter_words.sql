-- What a filter's keys have for values in this tenant, at most $2 each, those of most devices first. $1 tenant.
WITH devices AS MATERIALIZED (
    SELECT r.site_id AS site, /*model*/ AS model, /*fw*/ AS fw, /*name*/ AS name, /*template*/ AS template, /*slug*/ AS slug,
           /*parent*/ AS parent
    FROM public.device_registry r/*join*/
    WHERE r.tenant_id = $1
)
SELECT array(SELECT site FROM devices WHERE site <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2) AS site,
       array(SELECT model FROM devices WHERE model <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2) AS model,
       array(SELECT fw FROM devices WHERE fw <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2) AS fw,
       array(SELECT name FROM devices WHERE name <> '' GROUP BY 1 ORDER BY name COLLATE "C" LIMIT $2) AS name,
       array(SELECT template FROM devices WHERE template <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2) AS template,
       array(SELECT parent FROM devices WHERE parent <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT $2) AS parent,
       array(SELECT DISTINCT slug FROM devices WHERE slug <> '' LIMIT $2) AS slug,
       array(/*tags*/) AS tag
