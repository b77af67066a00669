-- What the templates of some devices list, in the order to offer it, and how many of the devices have each. Only asked
-- where the table exists; a description and an order may be missing.
WITH used AS (
    SELECT r.template_id, count(*) AS devices
    FROM public.device_registry r
    WHERE r.tenant_id = $1 AND r.device_id = ANY ($2::text[]) AND r.template_id IS NOT NULL
    GROUP BY r.template_id
)
SELECT u.template_id::text AS template_id, u.devices, c.command_key, c.display_name,
       /*description*/ AS description,
       CASE WHEN jsonb_typeof(c.parameters_schema -> 'x-dangerous') = 'boolean'
            THEN (c.parameters_schema ->> 'x-dangerous')::boolean END AS danger,
       CASE WHEN device_console.json_bytes(c.parameters_schema, $3) <= $3 THEN c.parameters_schema::text END AS params_schema,
       CASE WHEN device_console.json_bytes(c.response_schema, $3) <= $3 THEN c.response_schema::text END AS answer_schema
FROM used u
JOIN public.template_commands c ON c.template_id = u.template_id
ORDER BY /*order*/c.command_key, u.template_id
LIMIT 2000
