-- name: claim
-- Take up to `capacity` queued tasks for a worker, round-robin over agents, oldest first within an agent and priority.
-- `marks` say up to where a lane is known to be claimed and `known_since` from when on an agent's live attempts are, so that
-- dead rows are not walked again and again. Gives a row per task, and one for each agent looked at that gave none.
with lanes as materialized (
    -- In the order of their turn, and no further than needed: one look into the index per lane. A plain `exists` may be
    -- planned as a walk along the whole queue.
    select l.*, row_number() over () as lane_turn
    from (
        select l.tenant_id, l.agent_id, l.priority, a.max_concurrent_tasks, coalesce(m.mark, '-infinity') as mark
        from par.queue_lanes l
        join par.agents a on a.tenant_id = l.tenant_id and a.agent_id = l.agent_id and a.status = 'active'
        left join unnest(%(mark_tenants)s::text[], %(mark_agents)s::text[], %(mark_priorities)s::smallint[], %(marks)s::timestamptz[])
            as m(tenant_id, agent_id, priority, mark)
            on m.tenant_id = l.tenant_id and m.agent_id = l.agent_id and m.priority = l.priority
        where l.worker_pool_id = %(worker_pool_id)s
        order by (l.tenant_id, l.agent_id) <= (%(last_tenant)s, %(last_agent)s), l.tenant_id, l.agent_id, l.priority) l
    cross join lateral (
        select from par.queue q
        where q.worker_pool_id = %(worker_pool_id)s and q.tenant_id = l.tenant_id and q.agent_id = l.agent_id
          and q.priority = l.priority and q.enqueued_at >= l.mark and q.delayed_until is null
        limit 1) q
    limit %(agents)s
),
agents as materialized (
    select tenant_id, agent_id, max(max_concurrent_tasks) as max_concurrent_tasks, min(lane_turn) as turn
    from lanes group by tenant_id, agent_id
),
locked as materialized (
    select * from agents where pg_try_advisory_xact_lock(hashtextextended(tenant_id || '/' || agent_id, 41))
),
free as materialized (
    select l.tenant_id, l.agent_id, l.turn, l.max_concurrent_tasks - n.running as slots, coalesce(n.oldest, par.now()) as oldest
    from locked l
    left join unnest(%(known_tenants)s::text[], %(known_agents)s::text[], %(known_since)s::timestamptz[])
        as k(tenant_id, agent_id, since) on k.tenant_id = l.tenant_id and k.agent_id = l.agent_id
    cross join lateral par.running_tasks(l.tenant_id, l.agent_id, coalesce(k.since, '-infinity')) n
),
candidates as materialized (
    select f.tenant_id, q.task_id, q.enqueued_at, f.turn, f.slots,
        row_number() over (partition by f.tenant_id, f.agent_id order by l.priority, q.enqueued_at) as place
    from free f
    join lanes l on l.tenant_id = f.tenant_id and l.agent_id = f.agent_id
    cross join lateral (
        select q.task_id, q.enqueued_at from par.queue q
        where q.worker_pool_id = %(worker_pool_id)s and q.tenant_id = l.tenant_id and q.agent_id = l.agent_id
          and q.priority = l.priority and q.enqueued_at >= l.mark and q.delayed_until is null
        order by q.enqueued_at limit least(f.slots, %(per_lane)s)) q
    where f.slots > 0
),
chosen as materialized (
    select tenant_id, task_id, enqueued_at, place, turn from candidates where place <= slots order by place, turn limit %(capacity)s
),
held as materialized (
    select c.*, t.last_worker_id as previous_worker_id
    from chosen c cross join lateral (
        select k.last_worker_id from par.tasks k
        where k.tenant_id = c.tenant_id and k.task_id = c.task_id and k.status || '' = 'queued'
        limit 1 for no key update skip locked) t
),
dequeued as (
    delete from par.queue q using held h where q.tenant_id = h.tenant_id and q.task_id = h.task_id
    returning h.*
),
claimed as (
    update par.tasks t
    set status = 'running', attempt = t.attempt + 1, last_sequence = t.last_sequence + 1, version = t.version + 1,
        started_at = coalesce(t.started_at, par.now()), last_worker_id = %(worker_id)s, updated_at = par.now(),
        deadline_at = coalesce(t.deadline_at, par.now() + make_interval(secs => t.task_timeout_seconds)), retry_after = null
    -- Only with its queue row: a task that was run and queued again since this statement's snapshot has another one.
    from dequeued h where t.tenant_id = h.tenant_id and t.task_id = h.task_id
    returning t.*, h.place, h.turn, h.enqueued_at, h.previous_worker_id
),
attempt as (
    insert into par.attempts (tenant_id, task_id, attempt, run_number, agent_id, worker_id, claimed_at, last_sequence)
    select tenant_id, task_id, attempt, run_number, agent_id, %(worker_id)s, par.now(), last_sequence from claimed
),
told as (
    insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, worker_id, event_type, status_before,
        status_after, details, created_at)
    select tenant_id, task_id, last_sequence, 'event', agent_id, attempt, %(worker_id)s, 'task_claimed', 'queued', 'running',
        case when attempt > 1 then json_build_object('attempt', attempt, 'previous_worker_id', previous_worker_id) end, par.now()
    from claimed
)
select g.tenant_id, g.agent_id, f.slots is null as contended, f.oldest, c.task_id, c.attempt, c.config_version, c.run_number,
    c.priority, c.max_retries, c.max_steps, c.retry_count, c.crash_count, c.cost_microdollars, c.budget_max,
    extract(epoch from c.deadline_at - par.now())::double precision as seconds_left, c.enqueued_at,
    c.retry_history -> -1 as last_retry, c.own_config, c.asks_before_unsafe, c.forked_from is not null as is_fork, r.input,
    r.steps as run_steps
from agents g
left join free f on f.tenant_id = g.tenant_id and f.agent_id = g.agent_id
left join claimed c on c.tenant_id = g.tenant_id and c.agent_id = g.agent_id
left join par.runs r on r.tenant_id = c.tenant_id and r.task_id = c.task_id and r.run_number = c.run_number
order by c.place nulls last, g.turn

-- name: make_due
-- Delayed tasks whose time has come wait in their lane from now on, at their age. A bounded number per call.
with due as materialized (
    select tenant_id, task_id from par.queue
    where delayed_until <= par.now() order by delayed_until limit %(limit)s for update skip locked
)
update par.queue q set delayed_until = null
from due where q.tenant_id = due.tenant_id and q.task_id = due.task_id
returning q.tenant_id, q.agent_id, q.worker_pool_id, q.priority
