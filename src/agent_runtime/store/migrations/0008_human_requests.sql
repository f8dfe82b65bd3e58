-- Questions and approvals that wait for a person, and the record of every tool call whose outcome must not be guessed.

create table par.human_requests (
    tenant_id text not null,
    request_id uuid not null,
    task_id uuid not null,
    agent_id text not null,
    run_number integer not null,
    kind text not null check (kind in ('approval', 'input')),
    state text not null default 'open' check (state in ('open', 'answered', 'expired', 'withdrawn')),
    prompt text,
    tool_name text,
    tool_call_id text,
    tool_args json,
    reason text,
    answer json,
    answered_by text,
    answered_at timestamptz,
    consumed_at timestamptz,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (tenant_id, request_id)
);
call par.protect('human_requests');
create unique index human_requests_open on par.human_requests (tenant_id, task_id) where state = 'open';
create index human_requests_expiry on par.human_requests (expires_at) where state = 'open';

create table par.tool_calls (
    tenant_id text not null,
    task_id uuid not null,
    tool_call_id text not null,
    run_number integer not null,
    attempt integer not null,
    tool_name text not null,
    state text not null check (state in ('started', 'succeeded', 'failed', 'unknown')),
    arguments json,
    result bytea,
    started_at timestamptz not null,
    ended_at timestamptz,
    primary key (tenant_id, task_id, run_number, tool_call_id)
);
call par.protect('tool_calls');
