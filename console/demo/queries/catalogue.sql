-- The demo's catalogue: $1 templates, $2 types, $3 names, $4 descriptions, $5 and $6 schemas, $7 places in its order.
INSERT INTO public.template_commands
    (template_id, command_key, display_name, description, parameters_schema, response_schema, sort_order)
SELECT t.template_id, t.command_key, t.display_name, t.description, t.params::jsonb, t.answer::jsonb, t.place
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[])
    AS t(template_id, command_key, display_name, description, params, answer, place)
ON CONFLICT DO NOTHING
