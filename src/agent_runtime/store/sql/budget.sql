-- name: admit
-- Whether a reserved call may start under its agent's hourly budget, and if not, why.
select admitted, spent, "limit", clears_in_seconds
from par.admit_call(%(tenant_id)s, %(agent_id)s, %(task_id)s::uuid, %(attempt)s::int)

-- name: cleared
-- Tasks that paused for an hourly budget which has room again, or has been raised or lifted.
select t.tenant_id, t.task_id from par.tasks t
join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id
where t.status = 'paused' and t.pause_reason = 'budget_per_hour'
  and (a.budget_max_per_hour is null or a.budget_max_per_hour > coalesce((
    select sum(s.cost_microdollars) from par.spend_minutes s
    where s.tenant_id = t.tenant_id and s.agent_id = t.agent_id and s.minute > par.now() - interval '60 minutes'), 0))
order by t.priority, t.created_at limit %(limit)s
