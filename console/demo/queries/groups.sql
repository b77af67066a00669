-- Groups of demo devices with their members. $1 tenant, $2 and $3 the groups, $4 and $5 who is in which.
WITH made AS (
    INSERT INTO public.device_groups (tenant_id, group_id, name)
    SELECT $1, g.group_id, g.name FROM unnest($2::text[], $3::text[]) AS g(group_id, name)
)
INSERT INTO public.device_group_members (tenant_id, group_id, device_id)
SELECT $1, m.group_id, m.device_id FROM unnest($4::text[], $5::text[]) AS m(group_id, device_id)
