-- Bulk rows are new to the planner; without this the first screens are planned as if the tables were empty.
ANALYZE public.device_commands, public.device_registry, public.device_state
