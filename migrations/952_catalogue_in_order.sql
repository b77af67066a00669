-- Migration 952: the order in which a model's commands are offered, and what each does in words, as the platform's later
-- versions have them. A table that is not ours gets no column of ours.

DO $$
BEGIN
    IF 'device_registry' <> ALL (string_to_array(current_setting('device_console.own_tables'), ' '))
       OR to_regclass('public.template_commands') IS NULL
       OR EXISTS (SELECT FROM pg_attribute a  -- the platform's own table has a key of its own
                  WHERE a.attrelid = to_regclass('public.template_commands') AND a.attname = 'id') THEN
        RETURN;
    END IF;
    ALTER TABLE public.template_commands ADD COLUMN IF NOT EXISTS description TEXT;
    ALTER TABLE public.template_commands ADD COLUMN IF NOT EXISTS sort_order INTEGER NOT NULL DEFAULT 0;
END
$$;
