-- One append-only sequence per task carries everything a reader sees. Texts of turns stay in par.messages.

create table par.events (
    tenant_id text not null,
    task_id uuid not null,
    sequence bigint not null,
    kind text not null check (kind in ('event', 'user_turn', 'model_turn', 'tool_call', 'tool_result', 'compaction')),
    agent_id text not null,
    attempt integer,
    worker_id text,
    event_type text,
    status_before text,
    status_after text,
    error_code text,
    error_message text,
    details json,
    message_namespace text,
    message_sequence integer,
    tool_call_id text,
    tool_name text,
    is_error boolean,
    input_tokens integer,
    output_tokens integer,
    cost_microdollars bigint,
    duration_ms integer,
    created_at timestamptz not null,
    primary key (tenant_id, task_id, sequence)
) with (autovacuum_vacuum_insert_scale_factor = 0.1);
call par.protect('events');

-- Live tokens: worth nothing after a crash, so unlogged; written only while somebody listens.
create unlogged table par.token_listeners (
    tenant_id text not null,
    task_id uuid not null,
    listener_id text not null,
    expires_at timestamptz not null,
    primary key (tenant_id, task_id, listener_id)
);
call par.protect('token_listeners');
create unlogged table par.token_chunks (
    chunk_id bigint generated always as identity primary key,
    tenant_id text not null,
    task_id uuid not null,
    attempt integer not null,
    text text not null,
    created_at timestamptz not null default par.now()
);
call par.protect('token_chunks');
create index token_chunks_by_task on par.token_chunks (tenant_id, task_id, chunk_id);
create index token_chunks_by_age on par.token_chunks (created_at);
