-- Make a demo tenant, or return nothing when it exists. $1 id, $2 name.
INSERT INTO public.tenants (tenant_id, name, contact_name, contact_email, metadata)
VALUES ($1, $2, 'Demo Operator', 'operator@example.com', '{"demo": true}')
ON CONFLICT (tenant_id) DO NOTHING
RETURNING tenant_id
