-- What every call cost. A null cost is a price unknown, never zero.

create table par.ledger (
    tenant_id text not null,
    task_id uuid not null,
    call_id uuid not null,
    agent_id text not null,
    run_number integer not null,
    attempt integer not null,
    checkpoint_id uuid,
    worker_id text,
    kind text not null default 'model' check (kind in ('model', 'compaction', 'memory', 'tool', 'sandbox')),
    provider text,
    model text,
    input_tokens integer not null default 0,
    output_tokens integer not null default 0,
    cache_read_tokens integer not null default 0,
    cache_write_tokens integer not null default 0,
    cost_microdollars bigint,
    estimated boolean not null default false,
    duration_ms integer,
    created_at timestamptz not null,
    primary key (tenant_id, task_id, call_id)
);
call par.protect('ledger');

create table par.spend_minutes (
    tenant_id text not null,
    agent_id text not null,
    minute timestamptz not null,
    worker_id text not null,
    provider text not null,
    model text not null,
    cost_microdollars bigint not null,
    calls integer not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    primary key (tenant_id, agent_id, minute, worker_id, provider, model)
) with (fillfactor = 60);
call par.protect('spend_minutes');
