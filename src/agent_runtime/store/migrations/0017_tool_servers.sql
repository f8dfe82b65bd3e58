-- Customers' tool servers, and each of their tools twice: as approved (`pinned`) and as last seen (`seen`).

create table par.tool_servers (
    tenant_id text not null references par.tenants,
    server_id uuid not null,
    name text not null check (length(name) between 1 and 100),
    url text not null,
    auth_type text not null check (auth_type in ('none', 'bearer_token')),
    -- The token itself is sealed in par.secrets.
    auth_token_set boolean not null default false,
    headers jsonb not null default '{}',
    timeout_seconds integer not null default 30 check (timeout_seconds between 1 and 3600),
    status text not null default 'active' check (status in ('active', 'disabled')),
    -- When its tools were approved for the first time, all together.
    pinned_at timestamptz,
    created_at timestamptz not null default par.now(),
    updated_at timestamptz not null default par.now(),
    primary key (tenant_id, server_id),
    unique (tenant_id, name)
);
call par.protect('tool_servers');
create index tool_servers_by_age on par.tool_servers (tenant_id, created_at, server_id);

create table par.tool_server_tools (
    tenant_id text not null,
    server_id uuid not null,
    name text not null,
    place integer not null,
    pinned jsonb,
    pinned_hash text,
    -- Null when the server does not have the tool any more.
    seen jsonb,
    seen_hash text,
    primary key (tenant_id, server_id, name),
    foreign key (tenant_id, server_id) references par.tool_servers on delete cascade
);
call par.protect('tool_server_tools');
