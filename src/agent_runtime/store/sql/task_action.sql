-- name: live_worker
-- Who runs a task now, locked so that the answer still holds when the move that follows lands.
select t.status, t.pause_reason, live.worker_id, t.cost_microdollars, t.budget_max, least(t.budget_max, a.budget_max_per_task) as budget
from par.tasks t
join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id
left join par.attempts live on live.tenant_id = t.tenant_id and live.task_id = t.task_id and live.attempt = t.attempt
    and live.ended_at is null
where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s
for no key update of t
