-- name: spend_minutes_to_hours
-- Counters older than any look at single minutes become part of their hour. A bounded number per call.
with old as (
    select tenant_id, agent_id, minute, worker_id, provider, model from par.spend_minutes
    where minute < par.now() - interval '65 minutes' order by minute limit %(limit)s for update skip locked
),
moved as (
    delete from par.spend_minutes s using old o
    where s.tenant_id = o.tenant_id and s.agent_id = o.agent_id and s.minute = o.minute and s.worker_id = o.worker_id
      and s.provider = o.provider and s.model = o.model
    returning s.*
),
added as (
    insert into par.spend_hours as h (tenant_id, agent_id, hour, provider, model, cost_microdollars, calls, unpriced_calls,
        input_tokens, output_tokens)
    select tenant_id, agent_id, date_trunc('hour', minute, 'UTC') as hour, provider, model, sum(cost_microdollars), sum(calls),
        sum(unpriced_calls), sum(input_tokens), sum(output_tokens)
    from moved group by tenant_id, agent_id, date_trunc('hour', minute, 'UTC'), provider, model
    order by tenant_id, agent_id, hour, provider, model
    on conflict (tenant_id, agent_id, hour, provider, model) do update
    set cost_microdollars = h.cost_microdollars + excluded.cost_microdollars, calls = h.calls + excluded.calls,
        unpriced_calls = h.unpriced_calls + excluded.unpriced_calls,
        input_tokens = h.input_tokens + excluded.input_tokens, output_tokens = h.output_tokens + excluded.output_tokens
)
select count(*) as moved from moved

-- name: spend_hours_to_days
-- Hours older than any look at single hours become part of their day (UTC).
with old as (
    select tenant_id, agent_id, hour, provider, model from par.spend_hours
    where hour < date_trunc('day', par.now(), 'UTC') - interval '8 days' order by hour limit %(limit)s for update skip locked
),
moved as (
    delete from par.spend_hours s using old o
    where s.tenant_id = o.tenant_id and s.agent_id = o.agent_id and s.hour = o.hour and s.provider = o.provider
      and s.model = o.model
    returning s.*
),
added as (
    insert into par.spend_days as d (tenant_id, agent_id, day, provider, model, cost_microdollars, calls, unpriced_calls,
        input_tokens, output_tokens)
    select tenant_id, agent_id, date_trunc('day', hour, 'UTC') as day, provider, model, sum(cost_microdollars), sum(calls),
        sum(unpriced_calls), sum(input_tokens), sum(output_tokens)
    from moved group by tenant_id, agent_id, date_trunc('day', hour, 'UTC'), provider, model
    order by tenant_id, agent_id, day, provider, model
    on conflict (tenant_id, agent_id, day, provider, model) do update
    set cost_microdollars = d.cost_microdollars + excluded.cost_microdollars, calls = d.calls + excluded.calls,
        unpriced_calls = d.unpriced_calls + excluded.unpriced_calls,
        input_tokens = d.input_tokens + excluded.input_tokens, output_tokens = d.output_tokens + excluded.output_tokens
)
select count(*) as moved from moved

-- name: flow_to_coarser
-- The same for finished tasks: minutes to hours, hours to days, and days that no view looks back to into one row.
with old as (
    select tenant_id, agent_id, span, starts_at, lane from par.task_flow
    where (span = 'minute' and starts_at < par.now() - interval '65 minutes')
       or (span = 'hour' and starts_at < date_trunc('day', par.now(), 'UTC') - interval '8 days')
       or (span = 'day' and starts_at < date_trunc('day', par.now(), 'UTC') - interval '400 days')
    order by span, starts_at limit %(limit)s for update skip locked
),
moved as (
    delete from par.task_flow f using old o
    where f.tenant_id = o.tenant_id and f.agent_id = o.agent_id and f.span = o.span and f.starts_at = o.starts_at
      and f.lane = o.lane
    returning f.*
),
coarser as (
    select tenant_id, agent_id, case span when 'minute' then 'hour' when 'hour' then 'day' else 'ever' end as span,
        case span when 'minute' then date_trunc('hour', starts_at, 'UTC') when 'hour' then date_trunc('day', starts_at, 'UTC')
            else '-infinity' end as starts_at,
        completed, dead_lettered, left_completed, left_dead_letter
    from moved
),
added as (
    insert into par.task_flow as f (tenant_id, agent_id, span, starts_at, lane, completed, dead_lettered, left_completed,
        left_dead_letter)
    select tenant_id, agent_id, span, starts_at, '', sum(completed), sum(dead_lettered), sum(left_completed),
        sum(left_dead_letter)
    from coarser group by tenant_id, agent_id, span, starts_at order by tenant_id, agent_id, span, starts_at
    on conflict (tenant_id, agent_id, span, starts_at, lane) do update
    set completed = f.completed + excluded.completed, dead_lettered = f.dead_lettered + excluded.dead_lettered,
        left_completed = f.left_completed + excluded.left_completed,
        left_dead_letter = f.left_dead_letter + excluded.left_dead_letter
)
select count(*) as moved from moved

-- name: one_recount_at_a_time
-- Two recounts side by side would both correct the same difference; who finds one under way leaves it to that one.
select pg_try_advisory_xact_lock(hashtextextended('par.task_flow', 43)) as is_ours

-- name: take_recount
-- The agent whose counters were looked at longest ago, if that is long enough; whoever takes it is the only one for as long.
insert into par.recounts as r (tenant_id, agent_id)
select a.tenant_id, a.agent_id
from par.agents a left join par.recounts k on k.tenant_id = a.tenant_id and k.agent_id = a.agent_id
where k.counted_at is null or k.counted_at <= par.now() - make_interval(secs => %(seconds)s)
order by k.counted_at nulls first, a.tenant_id, a.agent_id limit 1
on conflict (tenant_id, agent_id) do update set counted_at = excluded.counted_at
    where r.counted_at <= par.now() - make_interval(secs => %(seconds)s)
returning tenant_id, agent_id

-- name: recount
-- What an agent's counters say against what is there, in one snapshot; a difference (a version that did not count finished
-- tasks yet) is corrected without a trace in the throughput.
with finished as (
    select count(*) filter (where t.status = 'completed') as completed, count(*) filter (where t.status = 'dead_letter') as dead_letter
    from par.tasks t
    where t.tenant_id = %(tenant_id)s and t.agent_id = %(agent_id)s and t.status in ('completed', 'dead_letter')
),
counted as (
    select coalesce(sum(f.completed - f.left_completed), 0) as completed,
        coalesce(sum(f.dead_lettered - f.left_dead_letter), 0) as dead_letter
    from par.task_flow f where f.tenant_id = %(tenant_id)s and f.agent_id = %(agent_id)s
)
insert into par.task_flow as f (tenant_id, agent_id, span, starts_at, lane, left_completed, left_dead_letter)
select %(tenant_id)s, %(agent_id)s, 'ever', '-infinity', '', c.completed - n.completed, c.dead_letter - n.dead_letter
from finished n, counted c where (c.completed, c.dead_letter) <> (n.completed, n.dead_letter)
on conflict (tenant_id, agent_id, span, starts_at, lane) do update
set left_completed = f.left_completed + excluded.left_completed,
    left_dead_letter = f.left_dead_letter + excluded.left_dead_letter
returning tenant_id, agent_id
