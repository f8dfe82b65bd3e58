-- What waits for a worker lives in a narrow table where finished work does not; what runs is a live attempt.

create table par.queue (
    tenant_id text not null,
    task_id uuid not null,
    agent_id text not null,
    worker_pool_id text not null,
    priority smallint not null,
    enqueued_at timestamptz not null,
    delayed_until timestamptz,
    deadline_at timestamptz,
    primary key (tenant_id, task_id)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
call par.protect('queue');
create index queue_ready on par.queue (worker_pool_id, tenant_id, agent_id, priority, enqueued_at)
    where delayed_until is null;
create index queue_delayed on par.queue (delayed_until) where delayed_until is not null;
create index queue_deadline on par.queue (deadline_at) where deadline_at is not null;

-- Which lanes have ever held work, so that a claim need not search the queue for agents.
create table par.queue_lanes (
    tenant_id text not null,
    agent_id text not null,
    worker_pool_id text not null,
    priority smallint not null,
    primary key (tenant_id, agent_id, worker_pool_id, priority)
);
call par.protect('queue_lanes');

create table par.worker_sessions (
    worker_id text primary key,
    worker_pool_id text not null,
    status text not null check (status in ('online', 'draining', 'offline')),
    host text not null,
    pid integer not null,
    version text not null,
    capacity integer not null,
    running_tasks integer not null default 0,
    lock_key bigint not null,
    started_at timestamptz not null default par.now(),
    last_heartbeat_at timestamptz not null default par.now(),
    lease_expires_at timestamptz not null,
    drain_requested boolean not null default false
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 200);
grant select, insert, update, delete on par.worker_sessions to par_worker;
grant select, update (drain_requested) on par.worker_sessions to par_api;

-- One row per claim. The attempt is the fence: what a worker writes must find its row here not ended.
create table par.attempts (
    tenant_id text not null,
    task_id uuid not null,
    attempt integer not null,
    run_number integer not null,
    agent_id text not null,
    worker_id text not null,
    claimed_at timestamptz not null,
    ended_at timestamptz,
    outcome text,
    last_sequence bigint not null,
    -- Which write of its worker came last: a write repeated after a lost connection is known by it and lands once.
    flush_number integer not null default 0,
    checkpoint_count integer not null default 0,
    step_count integer not null default 0,
    input_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cost_microdollars bigint not null default 0,
    -- The model call under way: settled at this estimate if the worker dies before it reports the reply.
    reserved_call_id uuid,
    reserved_microdollars bigint,
    reserved_provider text,
    reserved_model text,
    -- Whether the hourly budget has let this call start: only then does its reservation count against others.
    call_admitted boolean not null default false,
    primary key (tenant_id, task_id, attempt)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);
call par.protect('attempts');
create index attempts_live on par.attempts (tenant_id, agent_id, claimed_at) where ended_at is null;

-- Counted by a volatile function on purpose: its own snapshot sees what the previous holder of the agent's claim lock
-- committed, which the snapshot of the claiming statement may not. `since` is a time before which none of the agent's
-- live attempts was claimed; what was claimed earlier and has ended is not walked again.
create function par.running_tasks(of_tenant text, of_agent text, since timestamptz, out running integer, out oldest timestamptz)
language plpgsql volatile as $$
begin
    select count(*), min(a.claimed_at) into running, oldest from par.attempts a
    where a.tenant_id = of_tenant and a.agent_id = of_agent and a.claimed_at >= since and a.ended_at is null;
end
$$;
