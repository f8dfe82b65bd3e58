-- name: get_task
-- One task as the contract shows it: totals include the live attempt, the input is run 1's, the output the last completed run's.
-- A cost is null when nothing is known but that calls of an unknown price were made.
select t.task_id, t.tenant_id, t.agent_id, a.display_name as agent_display_name,
    coalesce(t.own_config, v.agent_config) as agent_config, t.config_version as agent_config_version, t.status,
    first_run.input, done.output, t.retry_count, t.max_retries, t.retry_history, t.retry_after, t.max_steps,
    t.task_timeout_seconds,
    t.checkpoint_count + coalesce(live.checkpoint_count, 0) as checkpoint_count,
    t.step_count + coalesce(live.step_count, 0) as step_count,
    t.input_tokens + coalesce(live.input_tokens, 0) as input_tokens,
    t.output_tokens + coalesce(live.output_tokens, 0) as output_tokens,
    case when t.cost_microdollars + coalesce(live.cost_microdollars, 0) = 0 and exists (select from par.ledger l
            where l.tenant_id = t.tenant_id and l.task_id = t.task_id and l.cost_microdollars is null) then null
        else t.cost_microdollars + coalesce(live.cost_microdollars, 0) end as total_cost_microdollars,
    t.saved_cost_microdollars, live.worker_id as lease_owner, w.lease_expires_at, t.last_error_code, t.last_error_message,
    t.last_worker_id, t.dead_letter_reason, t.dead_lettered_at, t.error_fingerprint,
    case when h.kind = 'input' then h.prompt end as pending_input_prompt,
    case when h.kind = 'approval' then json_build_object('request_id', h.request_id, 'tool_name', h.tool_name,
        'tool_args', h.tool_args, 'tool_call_id', h.tool_call_id, 'reason', h.reason,
        'prompt', h.prompt, 'details', h.details) end as pending_approval_action,
    h.expires_at as human_input_timeout_at, t.pause_reason, t.pause_details, t.resume_eligible_at,
    coalesce(files.artifacts, '[]'::json) as artifacts, t.labels, t.priority, t.worker_pool_id, t.budget_max, t.batch_id, t.parent_task_id, t.forked_from,
    t.asks_before_unsafe,
    null::uuid as langfuse_endpoint_id, t.run_number, t.version, t.created_at, t.started_at, t.completed_at, t.updated_at
from par.tasks t
join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id
join par.agent_versions v on v.tenant_id = t.tenant_id and v.agent_id = t.agent_id and v.config_version = t.config_version
left join par.runs first_run on first_run.tenant_id = t.tenant_id and first_run.task_id = t.task_id and first_run.run_number = 1
left join lateral (
    select r.output from par.runs r
    where r.tenant_id = t.tenant_id and r.task_id = t.task_id and r.status = 'completed'
    order by r.run_number desc limit 1) done on true
left join par.attempts live on t.status = 'running' and live.tenant_id = t.tenant_id and live.task_id = t.task_id
    and live.attempt = t.attempt and live.ended_at is null
left join par.worker_sessions w on w.worker_id = live.worker_id
left join par.human_requests h on t.status in ('waiting_for_approval', 'waiting_for_input') and h.tenant_id = t.tenant_id
    and h.task_id = t.task_id and h.state = 'open'
left join lateral (
    select json_agg(json_build_object('artifact_id', f.artifact_id, 'filename', f.filename, 'direction', f.direction,
        'content_type', f.content_type, 'size_bytes', f.size_bytes, 'sha256', encode(f.sha256, 'hex'),
        'created_at', to_char(f.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        order by f.direction, f.filename) as artifacts
    from par.artifacts f where f.tenant_id = t.tenant_id and f.task_id = t.task_id) files on true
where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s

-- name: list_rows
-- The rows of a page of a list, in the order of the ids given. Texts come cut, with a margin for multi-byte characters.
select t.task_id, t.tenant_id, t.agent_id, a.display_name as agent_display_name,
    t.config_version as agent_config_version, t.status,
    left(first_run.input, 2048) as input, left(done.output::text, 14000) as output_text,
    t.retry_count, t.max_retries, t.retry_history, t.retry_after, t.max_steps,
    t.task_timeout_seconds,
    t.checkpoint_count + coalesce(live.checkpoint_count, 0) as checkpoint_count,
    t.step_count + coalesce(live.step_count, 0) as step_count,
    t.input_tokens + coalesce(live.input_tokens, 0) as input_tokens,
    t.output_tokens + coalesce(live.output_tokens, 0) as output_tokens,
    case when t.cost_microdollars + coalesce(live.cost_microdollars, 0) = 0 and exists (select from par.ledger l
            where l.tenant_id = t.tenant_id and l.task_id = t.task_id and l.cost_microdollars is null) then null
        else t.cost_microdollars + coalesce(live.cost_microdollars, 0) end as total_cost_microdollars,
    t.saved_cost_microdollars, live.worker_id as lease_owner, w.lease_expires_at, t.last_error_code,
    left(t.last_error_message, 2048) as last_error_message,
    t.last_worker_id, t.dead_letter_reason, t.dead_lettered_at, t.error_fingerprint,
    case when h.kind = 'input' then left(h.prompt, 2048) end as pending_input_prompt,
    case when h.kind = 'approval' then json_build_object('request_id', h.request_id, 'tool_name', h.tool_name,
        'tool_args', h.tool_args, 'tool_call_id', h.tool_call_id, 'reason', h.reason,
        'prompt', h.prompt, 'details', h.details) end as pending_approval_action,
    h.expires_at as human_input_timeout_at, t.pause_reason, t.pause_details, t.resume_eligible_at,
    coalesce(files.artifacts, '[]'::json) as artifacts, t.labels, t.priority, t.worker_pool_id, t.budget_max, t.batch_id, t.parent_task_id, t.forked_from,
    t.asks_before_unsafe,
    null::uuid as langfuse_endpoint_id, t.run_number, t.version, t.created_at, t.started_at, t.completed_at, t.updated_at
from unnest(%(task_ids)s::uuid[]) with ordinality as page(task_id, place)
join par.tasks t on t.tenant_id = %(tenant_id)s and t.task_id = page.task_id
join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id
left join par.runs first_run on first_run.tenant_id = t.tenant_id and first_run.task_id = t.task_id and first_run.run_number = 1
left join lateral (
    select r.output from par.runs r
    where r.tenant_id = t.tenant_id and r.task_id = t.task_id and r.status = 'completed'
    order by r.run_number desc limit 1) done on true
left join par.attempts live on t.status = 'running' and live.tenant_id = t.tenant_id and live.task_id = t.task_id
    and live.attempt = t.attempt and live.ended_at is null
left join par.worker_sessions w on w.worker_id = live.worker_id
left join par.human_requests h on t.status in ('waiting_for_approval', 'waiting_for_input') and h.tenant_id = t.tenant_id
    and h.task_id = t.task_id and h.state = 'open'
left join lateral (
    select json_agg(json_build_object('artifact_id', f.artifact_id, 'filename', f.filename, 'direction', f.direction,
        'content_type', f.content_type, 'size_bytes', f.size_bytes, 'sha256', encode(f.sha256, 'hex'),
        'created_at', to_char(f.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
        order by f.direction, f.filename) as artifacts
    from par.artifacts f where f.tenant_id = t.tenant_id and f.task_id = t.task_id) files on true
order by page.place

-- name: agents_named
-- Agents whose id or display name begins with a text, as a search for tasks needs them.
select a.agent_id from par.agents a
where a.tenant_id = %(tenant_id)s
  and (starts_with(a.agent_id, lower(%(q)s)) or starts_with(lower(a.display_name), lower(%(q)s)))
order by a.agent_id limit 200

-- name: page_newest
-- Ids of a page of all tasks, newest first, filtered on the way.
select t.task_id from par.tasks t
where t.tenant_id = %(tenant_id)s and (%(before)s::uuid is null or t.task_id < %(before)s)
  and t.task_id between %(first_id)s::uuid and %(last_id)s::uuid
  and (%(statuses)s::text[] is null or t.status = any (%(statuses)s::text[]))
  and (%(agent_ids)s::text[] is null or t.agent_id = any (%(agent_ids)s::text[]))
  and (%(pause_reason)s::text is null or t.pause_reason = %(pause_reason)s)
  and (%(dead_letter_reason)s::text is null or t.dead_letter_reason = %(dead_letter_reason)s)
  and (%(created_after)s::timestamptz is null or t.created_at > %(created_after)s)
  and (%(created_before)s::timestamptz is null or t.created_at < %(created_before)s)
order by t.task_id desc limit %(limit)s

-- name: page_by_status
-- Ids of a page of tasks in one state, newest first. The state is planned as a constant: how rare it is decides the index.
select t.task_id from par.tasks t
where t.tenant_id = %(tenant_id)s and t.status = %(status)s and (%(before)s::uuid is null or t.task_id < %(before)s)
  and t.task_id between %(first_id)s::uuid and %(last_id)s::uuid
  and (%(agent_ids)s::text[] is null or t.agent_id = any (%(agent_ids)s::text[]))
  and (%(pause_reason)s::text is null or t.pause_reason = %(pause_reason)s)
  and (%(dead_letter_reason)s::text is null or t.dead_letter_reason = %(dead_letter_reason)s)
  and (%(created_after)s::timestamptz is null or t.created_at > %(created_after)s)
  and (%(created_before)s::timestamptz is null or t.created_at < %(created_before)s)
order by t.task_id desc limit %(limit)s

-- name: page_by_agent
-- Ids of a page of tasks of some agents in some states, newest first: one range of the index for each of both, merged.
select p.task_id from unnest(%(agent_ids)s::text[]) as g(agent_id)
cross join unnest(%(statuses)s::text[]) as s(status)
cross join lateral (
    select t.task_id from par.tasks t
    where t.tenant_id = %(tenant_id)s and t.agent_id = g.agent_id and t.status = s.status
      and (%(before)s::uuid is null or t.task_id < %(before)s)
      and t.task_id between %(first_id)s::uuid and %(last_id)s::uuid
      and (%(pause_reason)s::text is null or t.pause_reason = %(pause_reason)s)
      and (%(dead_letter_reason)s::text is null or t.dead_letter_reason = %(dead_letter_reason)s)
      and (%(created_after)s::timestamptz is null or t.created_at > %(created_after)s)
      and (%(created_before)s::timestamptz is null or t.created_at < %(created_before)s)
    order by t.task_id desc limit %(limit)s) p
order by p.task_id desc limit %(limit)s

-- name: page_by_batch
-- Ids of a page of one batch's tasks, newest first.
select t.task_id from par.tasks t
where t.tenant_id = %(tenant_id)s and t.batch_id = %(batch_id)s and (%(before)s::uuid is null or t.task_id < %(before)s)
  and t.task_id between %(first_id)s::uuid and %(last_id)s::uuid
  and (%(label)s::text is null or exists (select from par.task_labels l where l.tenant_id = t.tenant_id
      and l.label = %(label)s and (%(label_value)s::text is null or l.value = %(label_value)s) and l.task_id = t.task_id))
  and (%(statuses)s::text[] is null or t.status = any (%(statuses)s::text[]))
  and (%(agent_ids)s::text[] is null or t.agent_id = any (%(agent_ids)s::text[]))
  and (%(pause_reason)s::text is null or t.pause_reason = %(pause_reason)s)
  and (%(dead_letter_reason)s::text is null or t.dead_letter_reason = %(dead_letter_reason)s)
  and (%(created_after)s::timestamptz is null or t.created_at > %(created_after)s)
  and (%(created_before)s::timestamptz is null or t.created_at < %(created_before)s)
order by t.task_id desc limit %(limit)s

-- name: page_by_label
-- Ids of a page of the tasks that carry a label, newest first; without a value, whatever its value is. Label or state may be
-- the rare one: the planner knows, where both are plain conditions.
select l.task_id from par.task_labels l join par.tasks t on t.tenant_id = l.tenant_id and t.task_id = l.task_id
where l.tenant_id = %(tenant_id)s and l.label = %(label)s and (%(label_value)s::text is null or l.value = %(label_value)s)
  and (%(before)s::uuid is null or l.task_id < %(before)s) and l.task_id between %(first_id)s::uuid and %(last_id)s::uuid
  and (%(status)s::text is null or t.status = %(status)s)
  and (%(agent_ids)s::text[] is null or t.agent_id = any (%(agent_ids)s::text[]))
  and (%(pause_reason)s::text is null or t.pause_reason = %(pause_reason)s)
  and (%(dead_letter_reason)s::text is null or t.dead_letter_reason = %(dead_letter_reason)s)
  and (%(created_after)s::timestamptz is null or t.created_at > %(created_after)s)
  and (%(created_before)s::timestamptz is null or t.created_at < %(created_before)s)
order by l.task_id desc limit %(limit)s

-- name: batch
-- Totals of one batch; live attempts included.
select t.batch_id, t.status, count(*) as tasks, min(t.created_at) as created_at,
    sum(t.cost_microdollars + coalesce(live.cost_microdollars, 0))::bigint as cost_microdollars
from par.tasks t
left join par.attempts live on t.status = 'running' and live.tenant_id = t.tenant_id and live.task_id = t.task_id
    and live.attempt = t.attempt and live.ended_at is null
where t.tenant_id = %(tenant_id)s and t.batch_id = %(batch_id)s
group by t.batch_id, t.status

-- name: notify
-- A hint to whoever listens; polling alone suffices, so that it may be lost.
select pg_notify(%(channel)s, %(payload)s)

-- name: task_exists
-- Whether the tenant has this task.
select t.task_id from par.tasks t where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s
