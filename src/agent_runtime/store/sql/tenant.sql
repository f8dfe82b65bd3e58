-- name: set_tenant
-- The tenant of this transaction, for row-level security.
select set_config('par.tenant', %(tenant_id)s, true)

-- name: set_operator
-- Let this transaction see all tenants and the heads of their keys, and nothing else of theirs.
select set_config('par.operator', 'on', true)

-- name: insert_tenant
-- A new tenant; no row when its id is taken.
insert into par.tenants (tenant_id, display_name) values (%(tenant_id)s, %(display_name)s)
on conflict (tenant_id) do nothing
returning tenant_id, display_name, created_at

-- name: get_tenant
-- One tenant.
select t.tenant_id, t.display_name, t.created_at from par.tenants t where t.tenant_id = %(tenant_id)s

-- name: list_tenants
-- A page of all tenants, by age.
select t.tenant_id, t.display_name, t.created_at from par.tenants t
where %(after_time)s::timestamptz is null or (t.created_at, t.tenant_id) > (%(after_time)s::timestamptz, %(after_id)s::text)
order by t.created_at, t.tenant_id limit %(limit)s
