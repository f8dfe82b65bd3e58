-- name: page
-- What waits for people, newest first, with what each task has cost so far.
select r.request_id, r.task_id, r.agent_id, r.kind, r.prompt, r.tool_name, r.tool_call_id, r.tool_args, r.reason, r.details,
    t.cost_microdollars as cost_so_far_microdollars, r.created_at, r.expires_at
from par.human_requests r
join par.tasks t on t.tenant_id = r.tenant_id and t.task_id = r.task_id
where r.tenant_id = %(tenant_id)s and r.state = 'open'
  and (%(agent_id)s::text is null or r.agent_id = %(agent_id)s) and (%(kind)s::text is null or r.kind = %(kind)s)
  and (%(task_id)s::uuid is null or r.task_id = %(task_id)s::uuid)
  and (r.created_at, r.request_id) < (coalesce(%(before_time)s::timestamptz, 'infinity'), coalesce(%(before_id)s::uuid,
      'ffffffff-ffff-ffff-ffff-ffffffffffff'))
order by r.created_at desc, r.request_id desc limit %(limit)s

-- name: open
-- The question that a task has open.
select request_id, kind, tool_name, tool_call_id, tool_args, reason from par.human_requests
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and state = 'open'

-- name: closed
-- What became of a task's requests: of one of them, or of the one that was closed last.
select request_id, state, answer ->> 'decision' as decision, answered_by as closed_by, answered_at as closed_at
from par.human_requests
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and state <> 'open'
  and (%(request_id)s::uuid is null or request_id = %(request_id)s)
order by answered_at desc limit 1

-- name: unused_answers
-- Answers that no call has used up yet, oldest first.
select request_id, tool_call_id, tool_args, reason, answer from par.human_requests
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and state = 'answered' and consumed_at is null
order by created_at

-- name: expired
-- Tasks whose open question nobody has answered in time.
select tenant_id, task_id, expires_at - created_at as waited from par.human_requests
where state = 'open' and expires_at < par.now() order by expires_at limit %(limit)s
