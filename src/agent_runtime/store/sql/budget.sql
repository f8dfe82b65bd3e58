-- name: admit
-- Whether a reserved call may start under its agent's hourly budget, and if not, why.
select admitted, spent, "limit", clears_in_seconds
from par.admit_call(%(tenant_id)s, %(agent_id)s, %(task_id)s::uuid, %(attempt)s::int)

-- name: cleared
-- Tasks that paused for an hourly budget which has room again, or has been raised or lifted: of each agent no more than it
-- has free slots, in the order of their turn.
select p.tenant_id, p.task_id
from (
    select distinct t.tenant_id, t.agent_id from par.tasks t where t.status = 'paused' and t.pause_reason = 'budget_per_hour') w
join par.agents a on a.tenant_id = w.tenant_id and a.agent_id = w.agent_id
cross join lateral (
    select coalesce(sum(s.cost_microdollars), 0) as cost from par.spend_minutes s
    where s.tenant_id = a.tenant_id and s.agent_id = a.agent_id and s.minute > par.now() - interval '60 minutes') spent
cross join lateral (
    select count(*) as tasks from par.attempts k
    where k.tenant_id = a.tenant_id and k.agent_id = a.agent_id and k.ended_at is null) running
cross join lateral (
    select count(*) as tasks from (
        select from par.queue_lanes l
        join par.queue q on q.worker_pool_id = l.worker_pool_id and q.tenant_id = l.tenant_id and q.agent_id = l.agent_id
            and q.priority = l.priority and q.delayed_until is null
        where l.tenant_id = a.tenant_id and l.agent_id = a.agent_id
        limit a.max_concurrent_tasks) ready) queued
cross join lateral (
    select t.tenant_id, t.task_id from par.tasks t
    where t.tenant_id = a.tenant_id and t.agent_id = a.agent_id and t.status = 'paused' and t.pause_reason = 'budget_per_hour'
    order by t.priority, t.task_id
    limit greatest(a.max_concurrent_tasks - running.tasks - queued.tasks, 0)) p
where a.budget_max_per_hour is null or a.budget_max_per_hour > spent.cost
limit %(limit)s
