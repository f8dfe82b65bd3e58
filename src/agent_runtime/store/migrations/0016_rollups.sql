-- What reading costs: spend and finished tasks are counted where they happen and moved, never copied, into coarser rows
-- as they age. Each amount stands in exactly one row, so that sums are exact whatever arrives late.

alter table par.spend_minutes add column unpriced_calls integer not null default 0;
create index spend_minutes_by_time on par.spend_minutes (minute, tenant_id);

create table par.spend_hours (
    tenant_id text not null,
    agent_id text not null,
    hour timestamptz not null,
    provider text not null,
    model text not null,
    cost_microdollars bigint not null,
    calls bigint not null,
    unpriced_calls bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    primary key (tenant_id, agent_id, hour, provider, model)
);
call par.protect('spend_hours');
create index spend_hours_by_time on par.spend_hours (hour, tenant_id);

create table par.spend_days (
    tenant_id text not null,
    agent_id text not null,
    day timestamptz not null,
    provider text not null,
    model text not null,
    cost_microdollars bigint not null,
    calls bigint not null,
    unpriced_calls bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    primary key (tenant_id, agent_id, day, provider, model)
);
call par.protect('spend_days');
create index spend_days_by_time on par.spend_days (tenant_id, day);

create view par.spend with (security_invoker = true) as
select tenant_id, agent_id, minute as starts_at, provider, model, cost_microdollars, calls::bigint as calls,
    unpriced_calls::bigint as unpriced_calls, input_tokens, output_tokens
from par.spend_minutes
union all
select tenant_id, agent_id, hour, provider, model, cost_microdollars, calls, unpriced_calls, input_tokens, output_tokens
from par.spend_hours
union all
select tenant_id, agent_id, day, provider, model, cost_microdollars, calls, unpriced_calls, input_tokens, output_tokens
from par.spend_days;
grant select on par.spend to par_api, par_worker;

-- Tasks that came to an end and that left it again (redriven, followed up, forgotten). What is finished now is the sum of
-- all rows of an agent. A lane is a connection's own row, so that none waits for another.
create table par.task_flow (
    tenant_id text not null,
    agent_id text not null,
    span text not null check (span in ('minute', 'hour', 'day', 'ever')),
    starts_at timestamptz not null,
    lane text not null,
    completed bigint not null default 0,
    dead_lettered bigint not null default 0,
    left_completed bigint not null default 0,
    left_dead_letter bigint not null default 0,
    primary key (tenant_id, agent_id, span, starts_at, lane)
) with (fillfactor = 60);
call par.protect('task_flow');
create index task_flow_by_time on par.task_flow (span, starts_at);

insert into par.task_flow (tenant_id, agent_id, span, starts_at, lane, completed, dead_lettered)
select tenant_id, agent_id, 'day', date_trunc('day', coalesce(completed_at, dead_lettered_at, updated_at), 'UTC'), '',
    count(*) filter (where status = 'completed'), count(*) filter (where status = 'dead_letter')
from par.tasks where status in ('completed', 'dead_letter')
group by 1, 2, 4;

-- Who waits for an hourly budget, agent by agent and in the order of their turn.
create index tasks_paused_by_hour on par.tasks (tenant_id, agent_id, priority, task_id)
    where status = 'paused' and pause_reason = 'budget_per_hour';
