-- name: lock_tasks
-- Lock tasks in one order before their attempts are touched in the same transaction.
select from (select * from unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[]) as u(tenant_id, task_id) order by task_id) m
cross join lateral (
    select from par.tasks t where t.tenant_id = m.tenant_id and t.task_id = m.task_id limit 1 for no key update) t

-- name: transition
-- Move tasks from one state to the next, each guarded by its from-states and, for workers, by its attempt; end the live
-- attempt, settle the call it had under way, and write event, run and queue. Gives one row per move that landed.
with moves as materialized (
    select * from jsonb_to_recordset(%(moves)s::jsonb) as m(
        tenant_id text, task_id uuid, attempt integer, flush_number integer, overdue boolean,
        paused_for text, from_statuses text[], to_status text, event_type text, outcome text,
        actor text, error_code text, error_message text, dead_letter_reason text, error_fingerprint text,
        delay_seconds double precision, retry_count integer, crash_count integer, retry_entry jsonb, output text,
        pause_reason text, pause_details jsonb, resume_seconds double precision, details text, saves_cost boolean,
        run_kind text, run_id uuid, run_input text, from_checkpoint_id uuid,
        request_id uuid, kind text, prompt text, expires_seconds integer, tool_name text, tool_call_id text, tool_args text,
        reason text, request_details text, answers_request uuid, answer text, expires boolean)
),
held as materialized (
    select m.*, t.status as status_before, t.attempt as live_attempt, t.agent_id, t.run_number as ended_run, t.config_version
    from (select *, row_number() over () as place from (select * from moves order by task_id) o) m
    cross join lateral (
        select k.* from par.tasks k
        where k.tenant_id = m.tenant_id and k.task_id = m.task_id and k.status = any (m.from_statuses)
          and (m.attempt is null or m.attempt = k.attempt)
          and (m.overdue is null or k.deadline_at < par.now()) and (m.paused_for is null or m.paused_for = k.pause_reason)
        limit 1 for no key update) t
    where (m.flush_number is null or exists (
        select from par.attempts a where a.tenant_id = m.tenant_id and a.task_id = m.task_id and a.attempt = m.attempt
          and a.flush_number = m.flush_number))
      and ((m.answers_request is null and m.expires is null) or exists (
        select from par.human_requests r
        where r.tenant_id = m.tenant_id and r.task_id = m.task_id and r.state = 'open'
          and (m.answers_request is null or r.request_id = m.answers_request)
          and (m.expires is null or r.expires_at < par.now())))
),
ended as (
    update par.attempts a
    set ended_at = par.now(), outcome = h.outcome,
        cost_microdollars = a.cost_microdollars + case when a.reserved_call_id is null then 0 else a.reserved_microdollars end
    from held h
    where h.status_before = 'running' and a.tenant_id = h.tenant_id and a.task_id = h.task_id
      and a.attempt = h.live_attempt and a.ended_at is null
    returning a.*, h.place
),
saved_calls as (
    -- What the kept steps of this conversation's open part cost. Each call counts once, however often it is saved.
    update par.ledger l set saved = true
    from held h
    where h.saves_cost and l.tenant_id = h.tenant_id and l.task_id = h.task_id and l.checkpoint_id is not null and not l.saved
      and l.run_number > coalesce((
        select max(r.run_number) from par.runs r
        where r.tenant_id = h.tenant_id and r.task_id = h.task_id and r.status = 'completed'), 0)
    returning h.place, l.cost_microdollars
),
saved as (
    select place, coalesce(sum(cost_microdollars), 0) as cost_microdollars from saved_calls group by place
),
moved as (
    update par.tasks t
    set status = h.to_status, version = t.version + 1, updated_at = par.now(),
        last_sequence = coalesce(e.last_sequence, t.last_sequence) + 1,
        run_number = t.run_number + case when h.run_kind is null then 0 else 1 end,
        retry_count = coalesce(h.retry_count, t.retry_count), crash_count = coalesce(h.crash_count, t.crash_count),
        retry_history = case when h.retry_entry is null then t.retry_history
            else jsonb_path_query_array(
                t.retry_history || (h.retry_entry || jsonb_build_object('at', par.now())), '$[last - 49 to last]') end,
        retry_after = case when h.to_status = 'queued' and h.delay_seconds > 0
            then par.now() + make_interval(secs => h.delay_seconds) end,
        checkpoint_count = t.checkpoint_count + coalesce(e.checkpoint_count, 0),
        step_count = t.step_count + coalesce(e.step_count, 0),
        input_tokens = t.input_tokens + coalesce(e.input_tokens, 0),
        output_tokens = t.output_tokens + coalesce(e.output_tokens, 0),
        cost_microdollars = t.cost_microdollars + coalesce(e.cost_microdollars, 0),
        saved_cost_microdollars = t.saved_cost_microdollars + coalesce(s.cost_microdollars, 0),
        last_error_code = case when h.run_kind is null then coalesce(h.error_code, t.last_error_code) end,
        last_error_message = case when h.run_kind is null then coalesce(h.error_message, t.last_error_message) end,
        dead_letter_reason = h.dead_letter_reason, error_fingerprint = h.error_fingerprint,
        dead_lettered_at = case when h.to_status = 'dead_letter' then par.now() end,
        completed_at = case when h.to_status = 'completed' then par.now() end,
        pause_reason = h.pause_reason, pause_details = h.pause_details,
        resume_eligible_at = par.now() + make_interval(secs => h.resume_seconds),
        waiting_since = case when h.to_status in ('waiting_for_approval', 'waiting_for_input', 'paused') then par.now() end,
        deadline_at = case when h.run_kind is not null then null
            when t.waiting_since is not null and h.to_status = 'queued' then t.deadline_at + (par.now() - t.waiting_since)
            else t.deadline_at end
    from held h
    left join ended e on e.place = h.place
    left join saved s on s.place = h.place
    where t.tenant_id = h.tenant_id and t.task_id = h.task_id
    returning t.tenant_id, t.task_id, t.agent_id, t.last_sequence, t.run_number, t.worker_pool_id, t.priority, t.created_at,
        t.deadline_at, t.retry_after, t.version, h.status_before, h.to_status, h.event_type, h.error_code, h.error_message,
        h.details, h.actor, h.output, h.ended_run, h.run_kind, h.run_id, h.run_input, h.from_checkpoint_id, h.request_id, h.kind, h.prompt, h.expires_seconds, h.tool_name,
        h.tool_call_id, h.tool_args, h.reason, h.request_details, h.answers_request, h.answer, h.expires, e.attempt, e.worker_id,
        coalesce(e.step_count, 0) as steps, coalesce(e.cost_microdollars, 0) as cost
),
settled as (
    insert into par.ledger (tenant_id, task_id, call_id, agent_id, run_number, attempt, worker_id, provider, model,
        cost_microdollars, estimated, created_at)
    select tenant_id, task_id, reserved_call_id, agent_id, run_number, attempt, worker_id, reserved_provider, reserved_model,
        reserved_microdollars, true, par.now()
    from ended where reserved_call_id is not null
    returning tenant_id, agent_id, provider, model, cost_microdollars
),
spent as (
    insert into par.spend_minutes as s (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars, calls,
        input_tokens, output_tokens)
    select tenant_id, agent_id, date_trunc('minute', par.now()), 'settlement', coalesce(provider, ''), coalesce(model, ''),
        sum(cost_microdollars), count(*), 0, 0
    from settled group by tenant_id, agent_id, provider, model order by tenant_id, agent_id, provider, model
    on conflict (tenant_id, agent_id, minute, worker_id, provider, model) do update
    set cost_microdollars = s.cost_microdollars + excluded.cost_microdollars, calls = s.calls + excluded.calls
),
flowed as (
    insert into par.task_flow as f (tenant_id, agent_id, span, starts_at, lane, completed, dead_lettered, left_completed,
        left_dead_letter)
    select tenant_id, agent_id, 'minute', date_trunc('minute', par.now()), pg_backend_pid()::text,
        count(*) filter (where to_status = 'completed'), count(*) filter (where to_status = 'dead_letter'),
        count(*) filter (where status_before = 'completed'), count(*) filter (where status_before = 'dead_letter')
    from moved where to_status in ('completed', 'dead_letter') or status_before in ('completed', 'dead_letter')
    group by tenant_id, agent_id order by tenant_id, agent_id
    on conflict (tenant_id, agent_id, span, starts_at, lane) do update
    set completed = f.completed + excluded.completed, dead_lettered = f.dead_lettered + excluded.dead_lettered,
        left_completed = f.left_completed + excluded.left_completed,
        left_dead_letter = f.left_dead_letter + excluded.left_dead_letter
),
run_ended as (
    update par.runs r
    set status = m.to_status, output = coalesce(m.output::json, r.output), steps = r.steps + m.steps,
        cost_microdollars = r.cost_microdollars + m.cost,
        ended_at = case when m.to_status in ('completed', 'dead_letter') then par.now() end
    from moved m
    where r.tenant_id = m.tenant_id and r.task_id = m.task_id and r.run_number = m.ended_run and m.run_kind is null
),
run_started as (
    insert into par.runs (tenant_id, task_id, run_number, run_id, kind, input, from_checkpoint_id, created_at)
    select tenant_id, task_id, run_number, run_id, run_kind, run_input, from_checkpoint_id, par.now()
    from moved where run_kind is not null
),
queued as (
    insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at, delayed_until, deadline_at)
    select tenant_id, task_id, agent_id, worker_pool_id, priority, case when run_kind is null then created_at else par.now() end,
        retry_after, deadline_at
    from moved where to_status = 'queued'
),
dequeued as (
    delete from par.queue q using moved m
    where m.status_before = 'queued' and m.to_status <> 'queued' and q.tenant_id = m.tenant_id and q.task_id = m.task_id
),
request_closed as (
    -- Whatever ends the wait closes the question: an answer, its expiry, or the end of the task.
    update par.human_requests r
    set state = case when m.answers_request is not null then 'answered' when m.expires then 'expired' else 'withdrawn' end,
        answer = m.answer::json, answered_by = m.actor, answered_at = par.now()
    from moved m
    where m.status_before in ('waiting_for_approval', 'waiting_for_input')
      and r.tenant_id = m.tenant_id and r.task_id = m.task_id and r.state = 'open'
),
request_opened as (
    insert into par.human_requests (tenant_id, request_id, task_id, agent_id, run_number, kind, prompt, tool_name, tool_call_id,
        tool_args, reason, details, created_at, expires_at)
    select tenant_id, request_id, task_id, agent_id, ended_run, kind, prompt, tool_name, tool_call_id, tool_args::json, reason,
        request_details::json, par.now(), par.now() + make_interval(secs => expires_seconds)
    from moved where request_id is not null
),
told as (
    insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, worker_id, event_type, status_before,
        status_after, error_code, error_message, details, created_at)
    select tenant_id, task_id, last_sequence, 'event', agent_id, attempt, coalesce(worker_id, actor), event_type, status_before,
        to_status, error_code, error_message, details::json, par.now()
    from moved
)
select tenant_id, task_id, agent_id, worker_pool_id, priority, status_before, to_status, version, last_sequence,
    retry_after is not null as delayed
from moved

-- name: state_of
-- Why a move did not land: the state, the version and the outcome of a task as they are now.
select t.status, t.attempt, t.run_number, t.version, t.dead_letter_reason, t.last_worker_id
from par.tasks t where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s
