-- name: set_tenant
-- The tenant of this transaction, for row-level security.
select set_config('par.tenant', %(tenant_id)s, true)
