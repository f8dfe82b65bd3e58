-- API keys, the audit log, and what the operator of the whole system may see beyond one tenant.

create table par.api_keys (
    tenant_id text not null references par.tenants,
    key_id text not null check (key_id ~ '^[0-9a-f]{16}$'),
    name text not null,
    secret_hash bytea not null,
    previous_hash bytea,
    previous_until timestamptz,
    scopes text[] not null,
    roles text[] not null,
    created_by text not null,
    created_at timestamptz not null default par.now(),
    expires_at timestamptz,
    rotated_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    primary key (tenant_id, key_id)
);
call par.protect('api_keys');
create unique index api_keys_by_id on par.api_keys (key_id);
create index api_keys_by_age on par.api_keys (tenant_id, created_at, key_id);

-- Rows are added and read, never changed: neither role of the system may do more.
create table par.audit_log (
    tenant_id text not null references par.tenants,
    audit_id uuid not null,
    actor text not null,
    action text not null,
    object_kind text not null,
    object_id text,
    address text,
    request_id text,
    before json,
    after json,
    created_at timestamptz not null default par.now(),
    primary key (tenant_id, audit_id)
);
call par.protect('audit_log');
revoke update, delete on par.audit_log from par_api, par_worker;
create index audit_log_by_actor on par.audit_log (tenant_id, actor, audit_id);
create index audit_log_by_action on par.audit_log (tenant_id, action, audit_id);
create index audit_log_by_object on par.audit_log (tenant_id, object_kind, object_id, audit_id);

-- A key is looked up before its tenant is known, and tenants and their keys are made by the operator: these two tables
-- alone open to a transaction that says so.
create function par.is_operator() returns boolean language sql stable as $$
    select coalesce(current_setting('par.operator', true), '') = 'on'
$$;
create policy operator on par.tenants to par_api using (par.is_operator()) with check (par.is_operator());
create policy operator on par.api_keys for select to par_api using (par.is_operator());
