-- name: list_runs
-- A page of a task's runs, oldest first; a run starts when its first attempt is claimed.
select r.run_id, r.run_number as number, r.kind, r.input, r.output, r.status,
    case when r.cost_microdollars + coalesce(live.cost_microdollars, 0) = 0 and exists (select from par.ledger l
            where l.tenant_id = r.tenant_id and l.task_id = r.task_id and l.run_number = r.run_number
              and l.cost_microdollars is null) then null
        else r.cost_microdollars + coalesce(live.cost_microdollars, 0) end as cost,
    r.steps + coalesce(live.step_count, 0) as steps, claimed.started_at, r.ended_at,
    r.status as recorded_status, t.status as task_status, r.run_number = t.run_number as is_last
from par.runs r
join par.tasks t on t.tenant_id = r.tenant_id and t.task_id = r.task_id
left join lateral (
    select min(a.claimed_at) as started_at from par.attempts a
    where a.tenant_id = r.tenant_id and a.task_id = r.task_id and a.run_number = r.run_number) claimed on true
left join par.attempts live on live.tenant_id = r.tenant_id and live.task_id = r.task_id and live.attempt = t.attempt
    and live.run_number = r.run_number and live.ended_at is null
where r.tenant_id = %(tenant_id)s and r.task_id = %(task_id)s and r.run_number > %(after)s
order by r.run_number limit %(limit)s
