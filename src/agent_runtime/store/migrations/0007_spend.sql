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

-- Lets a reserved call start while the agent's spend of the last 60 minutes plus the reservations of calls under way stays
-- below its hourly budget. One call of an agent is looked at after the other; each look has a snapshot of its own, so that
-- it sees what the one before it let start.
create function par.admit_call(of_tenant text, of_agent text, of_task uuid, of_attempt integer,
    out admitted boolean, out spent bigint, out "limit" bigint, out clears_in_seconds double precision)
language plpgsql volatile as $$
declare
    under_way bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended(of_tenant || '/' || of_agent, 42));
    select a.budget_max_per_hour into "limit" from par.agents a where a.tenant_id = of_tenant and a.agent_id = of_agent;
    select coalesce(sum(s.cost_microdollars), 0) into spent from par.spend_minutes s
    where s.tenant_id = of_tenant and s.agent_id = of_agent and s.minute > par.now() - interval '60 minutes';
    select coalesce(sum(a.reserved_microdollars), 0) into under_way from par.attempts a
    where a.tenant_id = of_tenant and a.agent_id = of_agent and a.ended_at is null and a.call_admitted
      and a.reserved_call_id is not null and a.task_id <> of_task;
    admitted := "limit" is null or spent + under_way < "limit";
    if admitted then
        update par.attempts a set call_admitted = true
        where a.tenant_id = of_tenant and a.task_id = of_task and a.attempt = of_attempt;
    elsif spent >= "limit" then
        with minutes as (
            select s.minute, sum(s.cost_microdollars) as cost from par.spend_minutes s
            where s.tenant_id = of_tenant and s.agent_id = of_agent and s.minute > par.now() - interval '60 minutes'
            group by s.minute
        ),
        left_after as (
            select minute, sum(cost) over () - sum(cost) over (order by minute) as remaining from minutes
        )
        select extract(epoch from min(minute) + interval '60 minutes' - par.now()) into clears_in_seconds
        from left_after where remaining < "limit";
    end if;
end
$$;
