-- name: counts
-- How many tasks of a tenant, or of one agent, wait for somebody or are finished now; `queues` counts the others. Finished
-- ones are the sum of their counters, those that wait are few and lie in short ranges of an index.
select w.status, n.tasks
from unnest(array['waiting_for_approval', 'waiting_for_input', 'paused']) as w(status)
cross join lateral (
    select count(*) as tasks from par.tasks t
    where t.tenant_id = %(tenant_id)s and t.status = w.status and (%(agent_id)s::text is null or t.agent_id = %(agent_id)s)) n
union all
select s.status, s.tasks::bigint
from (
    select coalesce(sum(f.completed - f.left_completed), 0) as completed,
        coalesce(sum(f.dead_lettered - f.left_dead_letter), 0) as dead_letter
    from par.task_flow f
    where f.tenant_id = %(tenant_id)s and (%(agent_id)s::text is null or f.agent_id = %(agent_id)s)) f
cross join lateral (values ('completed', f.completed), ('dead_letter', f.dead_letter)) as s(status, tasks)

-- name: queues
-- What waits and what runs, by agent, the longest queue first, with the totals of all agents in each row. `scheduled` is for
-- later: its time or backoff is not over.
with waiting as (
    select q.agent_id, count(*) filter (where q.delayed_until is null) as queued,
        count(*) filter (where q.delayed_until is not null) as scheduled,
        min(q.enqueued_at) filter (where q.delayed_until is null) as oldest
    from par.queue q
    where q.tenant_id = %(tenant_id)s and (%(agent_id)s::text is null or q.agent_id = %(agent_id)s)
    group by q.agent_id
),
running as (
    select a.agent_id, count(*) as running from par.attempts a
    where a.tenant_id = %(tenant_id)s and (%(agent_id)s::text is null or a.agent_id = %(agent_id)s) and a.ended_at is null
    group by a.agent_id
)
select agent_id, coalesce(w.queued, 0) as queued, coalesce(w.scheduled, 0) as scheduled, coalesce(r.running, 0) as running,
    a.max_concurrent_tasks, a.status as agent_status,
    extract(epoch from par.now() - w.oldest)::double precision as oldest_age_seconds,
    (sum(w.queued) over ())::bigint as all_queued, (sum(w.scheduled) over ())::bigint as all_scheduled,
    (sum(r.running) over ())::bigint as all_running,
    extract(epoch from par.now() - min(w.oldest) over ())::double precision as longest_wait_seconds
from waiting w full join running r using (agent_id)
join par.agents a using (agent_id)
where a.tenant_id = %(tenant_id)s
order by coalesce(w.queued, 0) desc, coalesce(r.running, 0) desc, agent_id limit %(limit)s

-- name: now
-- The time by the database's clock.
select par.now() as now

-- name: buckets
-- What ended and what was spent in each step of a range, steps without either included. Counters are added up as they
-- stand first, so that only the few sums need be put into their step.
with step as (
    select generate_series(%(first)s::timestamptz, %(last)s::timestamptz, %(step)s::interval) as starts_at
),
ended as (
    select date_trunc(%(bucket)s, f.starts_at, 'UTC') as starts_at, sum(f.completed)::bigint as completed,
        sum(f.dead_lettered)::bigint as dead_lettered
    from (
        select f.starts_at, sum(f.completed) as completed, sum(f.dead_lettered) as dead_lettered
        from par.task_flow f
        where f.tenant_id = %(tenant_id)s and (%(agent_id)s::text is null or f.agent_id = %(agent_id)s)
          and f.starts_at >= %(first)s::timestamptz and f.starts_at < %(end)s::timestamptz
        group by f.starts_at) f
    group by 1
),
spent as (
    select date_trunc(%(bucket)s, s.starts_at, 'UTC') as starts_at, sum(s.cost_microdollars)::bigint as cost_microdollars,
        sum(s.calls)::bigint as calls, sum(s.unpriced_calls)::bigint as unpriced_calls,
        sum(s.input_tokens)::bigint as input_tokens, sum(s.output_tokens)::bigint as output_tokens
    from (
        select s.starts_at, sum(s.cost_microdollars) as cost_microdollars, sum(s.calls) as calls,
            sum(s.unpriced_calls) as unpriced_calls, sum(s.input_tokens) as input_tokens, sum(s.output_tokens) as output_tokens
        from par.spend s
        where s.tenant_id = %(tenant_id)s and (%(agent_id)s::text is null or s.agent_id = %(agent_id)s)
          and s.starts_at >= %(first)s::timestamptz and s.starts_at < %(end)s::timestamptz
        group by s.starts_at) s
    group by 1
)
select step.starts_at, coalesce(e.completed, 0) as completed, coalesce(e.dead_lettered, 0) as dead_lettered,
    coalesce(s.cost_microdollars, 0) as cost_microdollars, coalesce(s.calls, 0) as calls,
    coalesce(s.unpriced_calls, 0) as unpriced_calls, coalesce(s.input_tokens, 0) as input_tokens,
    coalesce(s.output_tokens, 0) as output_tokens
from step left join ended e using (starts_at) left join spent s using (starts_at)
order by step.starts_at
