-- A task is one conversation of one or more runs. Only submit, claim and transition write its status.

create table par.tasks (
    tenant_id text not null,
    task_id uuid not null,
    agent_id text not null,
    config_version integer not null,
    status text not null check (status in (
        'queued', 'running', 'waiting_for_approval', 'waiting_for_input', 'paused', 'completed', 'dead_letter')),
    run_number integer not null default 1,
    attempt integer not null default 0,
    last_sequence bigint not null default 0,
    version integer not null default 1,
    worker_pool_id text not null default 'shared',
    priority smallint not null default 4,
    max_retries smallint not null default 3,
    max_steps integer not null default 100,
    task_timeout_seconds integer not null default 3600,
    budget_max bigint,
    labels jsonb not null default '{}',
    batch_id uuid,
    parent_task_id uuid,
    forked_from uuid,
    retry_count integer not null default 0,
    crash_count integer not null default 0,
    retry_history jsonb not null default '[]',
    retry_after timestamptz,
    -- Totals of the attempts that have ended; those of a live attempt are on its own row until then.
    checkpoint_count integer not null default 0,
    step_count integer not null default 0,
    input_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cost_microdollars bigint not null default 0,
    saved_cost_microdollars bigint not null default 0,
    last_error_code text,
    last_error_message text,
    last_worker_id text,
    dead_letter_reason text,
    dead_lettered_at timestamptz,
    error_fingerprint text,
    pause_reason text check (pause_reason in ('budget_per_task', 'budget_per_hour')),
    pause_details jsonb,
    resume_eligible_at timestamptz,
    -- The clock of task_timeout_seconds: set at a run's first claim, moved on by the time spent waiting.
    deadline_at timestamptz,
    waiting_since timestamptz,
    created_at timestamptz not null default par.now(),
    started_at timestamptz,
    completed_at timestamptz,
    updated_at timestamptz not null default par.now(),
    primary key (tenant_id, task_id),
    foreign key (tenant_id, agent_id, config_version) references par.agent_versions
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
call par.protect('tasks');
create index tasks_by_status on par.tasks (tenant_id, status, task_id);
create index tasks_by_agent on par.tasks (tenant_id, agent_id, task_id);
create index tasks_by_batch on par.tasks (tenant_id, batch_id, task_id) where batch_id is not null;
create index tasks_dead on par.tasks (tenant_id, dead_lettered_at desc, task_id desc) where status = 'dead_letter';
create index tasks_dead_alike on par.tasks (tenant_id, error_fingerprint, task_id) where status = 'dead_letter';
create index tasks_paused on par.tasks (resume_eligible_at) where status = 'paused';

create table par.task_labels (
    tenant_id text not null,
    label text not null,
    value text not null,
    task_id uuid not null,
    primary key (tenant_id, label, value, task_id)
);
call par.protect('task_labels');

create table par.runs (
    tenant_id text not null,
    task_id uuid not null,
    run_number integer not null,
    run_id uuid not null,
    kind text not null check (kind in ('submit', 'follow_up', 'redrive')),
    input text,
    -- json and not jsonb: a model's text may hold an escaped NUL or a lone surrogate, which jsonb refuses.
    output json,
    status text not null default 'queued',
    steps integer not null default 0,
    cost_microdollars bigint not null default 0,
    from_checkpoint_id uuid,
    created_at timestamptz not null default par.now(),
    ended_at timestamptz,
    primary key (tenant_id, task_id, run_number)
) with (fillfactor = 90);
call par.protect('runs');
