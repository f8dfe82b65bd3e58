-- Agents and the history of their configurations. A task refers to the version it was submitted under.

create table par.agents (
    tenant_id text not null references par.tenants,
    agent_id text not null,
    display_name text not null,
    config_version integer not null default 1,
    status text not null default 'active' check (status in ('active', 'disabled')),
    max_concurrent_tasks integer not null default 5 check (max_concurrent_tasks between 1 and 100000),
    budget_max_per_task bigint check (budget_max_per_task > 0),
    budget_max_per_hour bigint check (budget_max_per_hour > 0),
    version integer not null default 1,
    created_at timestamptz not null default par.now(),
    updated_at timestamptz not null default par.now(),
    primary key (tenant_id, agent_id)
);
call par.protect('agents');
create index agents_by_age on par.agents (tenant_id, created_at, agent_id);

create table par.agent_versions (
    tenant_id text not null,
    agent_id text not null,
    config_version integer not null,
    agent_config jsonb not null,
    created_by text,
    created_at timestamptz not null default par.now(),
    primary key (tenant_id, agent_id, config_version),
    foreign key (tenant_id, agent_id) references par.agents deferrable initially deferred
);
call par.protect('agent_versions');
