-- The demo's catalogue: $1 templates, $2 types, $3 names, $4 and $5 schemas.
INSERT INTO public.template_commands (template_id, command_key, display_name, parameters_schema, response_schema)
SELECT t.template_id, t.command_key, t.display_name, t.params::jsonb, t.answer::jsonb
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS t(template_id, command_key, display_name, params, answer)
ON CONFLICT DO NOTHING
