-- name: hourly
-- An agent's hourly limit, what it spent in the last 60 minutes, and in how many seconds that falls below the limit.
with minutes as (
    select s.minute, sum(s.cost_microdollars) as cost from par.spend_minutes s
    where s.tenant_id = %(tenant_id)s and s.agent_id = %(agent_id)s and s.minute > par.now() - interval '60 minutes'
    group by s.minute
),
left_after as (
    select minute, sum(cost) over () as total, sum(cost) over () - sum(cost) over (order by minute) as remaining from minutes
)
select a.budget_max_per_hour as "limit", coalesce((select max(total) from left_after), 0)::bigint as spent,
    extract(epoch from (select min(minute) from left_after where remaining < a.budget_max_per_hour)
        + interval '60 minutes' - par.now())::double precision as clears_in_seconds
from par.agents a where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s

-- name: cleared
-- Tasks that paused for an hourly budget which has room again, or has been raised or lifted.
select t.tenant_id, t.task_id from par.tasks t
join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id
where t.status = 'paused' and t.pause_reason = 'budget_per_hour'
  and (a.budget_max_per_hour is null or a.budget_max_per_hour > coalesce((
    select sum(s.cost_microdollars) from par.spend_minutes s
    where s.tenant_id = t.tenant_id and s.agent_id = t.agent_id and s.minute > par.now() - interval '60 minutes'), 0))
order by t.priority, t.created_at limit %(limit)s
