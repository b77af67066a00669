-- Decided in docs/decisions/0015-an-index-of-our-own.md
-- Migration 905: the history of a whole tenant, newest first, page by page. On a table that existed before us
-- no index is made; `device-console doctor` tells its owner what to run.

DO $$
BEGIN
    IF 'device_commands' = ANY (string_to_array(current_setting('device_console.own_tables'), ' ')) THEN
        CREATE INDEX IF NOT EXISTS device_console_newest
            ON public.device_commands (tenant_id, created_at DESC, command_id DESC);
        CREATE STATISTICS IF NOT EXISTS device_console.tenant_and_device (dependencies, ndistinct)
            ON tenant_id, device_id FROM public.device_commands;
    END IF;
END
$$;
