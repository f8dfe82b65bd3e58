-- Each query gives the rows that break one invariant; none is good. The name begins with the invariant's id.

-- name: i1_acknowledged_tasks_are_there
select j.task_id, count(t.task_id) as tasks
from unnest(%(task_ids)s::uuid[]) as j(task_id) left join par.tasks t on t.task_id = j.task_id
group by j.task_id having count(t.task_id) <> 1

-- name: i1_one_key_made_one_task
select input, array_agg(task_id) as task_ids
from par.runs where run_number = 1 and input = any (%(keyed_inputs)s::text[])
group by input having count(*) <> 1

-- name: i1_everything_ended_or_waits_for_a_person
select task_id, status, attempt, retry_after from par.tasks
where %(settled)s and status in ('queued', 'running')

-- name: i1_the_queue_holds_what_is_queued
select coalesce(t.task_id, q.task_id) as task_id, t.status, q.task_id is not null as in_queue
from par.tasks t full join par.queue q using (tenant_id, task_id)
where (t.status = 'queued') is distinct from (q.task_id is not null)

-- name: i1_what_runs_has_one_live_attempt
select t.task_id, t.status, t.attempt, array_agg(a.attempt) filter (where a.attempt is not null) as live
from par.tasks t left join par.attempts a on a.tenant_id = t.tenant_id and a.task_id = t.task_id and a.ended_at is null
group by t.tenant_id, t.task_id
having (t.status = 'running' and coalesce(array_agg(a.attempt) filter (where a.attempt is not null), '{}') <> array[t.attempt])
    or (t.status <> 'running' and count(a.attempt) > 0)

-- name: i2_every_state_follows_from_the_one_before
select * from (
    select e.task_id, e.sequence, e.event_type, e.status_before, e.status_after,
        lag(e.status_after) over (partition by e.tenant_id, e.task_id order by e.sequence) as last_status
    from par.events e where e.kind = 'event' and e.status_after is not null) chain
where status_before is distinct from last_status

-- name: i2_only_moves_of_the_table
select e.task_id, e.sequence, e.event_type, e.status_before, e.status_after from par.events e
where e.kind = 'event' and e.status_after is not null and not exists (
    select from unnest(%(event_types)s::text[], %(from_statuses)s::text[], %(to_statuses)s::text[])
        as m(event_type, from_status, to_status)
    where m.event_type = e.event_type and m.from_status = coalesce(e.status_before, '') and m.to_status = e.status_after)

-- name: i2_at_most_one_end_of_each_run
select e.tenant_id, e.task_id, ends, runs from (
    select tenant_id, task_id, count(*) filter (where status_after in ('completed', 'dead_letter')) as ends
    from par.events where kind = 'event' group by tenant_id, task_id) e
join (select tenant_id, task_id, count(*) as runs from par.runs group by tenant_id, task_id) r using (tenant_id, task_id)
where ends > runs

-- name: i2_the_state_is_the_last_one_told
select t.task_id, t.status, e.status_after from par.tasks t
left join lateral (
    select status_after from par.events e
    where e.tenant_id = t.tenant_id and e.task_id = t.task_id and e.kind = 'event' and e.status_after is not null
    order by sequence desc limit 1) e on true
where e.status_after is distinct from t.status

-- name: i2_nothing_is_told_after_the_end
select e.task_id, e.sequence, e.kind, last.event_type from par.events e
join lateral (
    select l.event_type, l.status_after from par.events l
    where l.tenant_id = e.tenant_id and l.task_id = e.task_id and l.kind = 'event' and l.status_after is not null
      and l.sequence < e.sequence
    order by l.sequence desc limit 1) last on true
where e.kind <> 'event' and last.status_after <> 'running'

-- name: i3_attempts_grow_without_gaps
select * from (
    select task_id, attempt, row_number() over (partition by tenant_id, task_id order by attempt) as place, claimed_at,
        lag(ended_at) over w as last_ended, lag(attempt) over w as last_attempt
    from par.attempts window w as (partition by tenant_id, task_id order by attempt)) a
where attempt <> place or (last_attempt is not null and (last_ended is null or claimed_at < last_ended))

-- name: i3_the_task_knows_its_newest_attempt
select t.task_id, t.attempt, max(a.attempt) as newest from par.tasks t
left join par.attempts a using (tenant_id, task_id) group by t.tenant_id, t.task_id
having t.attempt <> coalesce(max(a.attempt), 0)

-- name: i3_no_event_of_an_older_attempt
select * from (
    select task_id, sequence, kind, event_type, attempt,
        max(attempt) over (partition by tenant_id, task_id order by sequence) as newest
    from par.events) e
where attempt < newest

-- name: i3_no_checkpoint_of_an_older_attempt
select * from (
    select task_id, checkpoint_id, attempt,
        max(attempt) over (partition by tenant_id, task_id, namespace order by checkpoint_id) as newest
    from par.checkpoints where attempt is not null) c
where attempt < newest

-- name: i3_nothing_is_written_under_a_newer_claim
select w.what, w.task_id, w.attempt, w.created_at, newer.attempt as newer_attempt, newer.claimed_at
from (
    select 'checkpoint' as what, tenant_id, task_id, attempt, created_at from par.checkpoints where attempt is not null
    union all
    select 'event', tenant_id, task_id, attempt, created_at from par.events where attempt is not null
    union all
    select 'cost', tenant_id, task_id, attempt, created_at from par.ledger where checkpoint_id is not null) w
join par.attempts newer on newer.tenant_id = w.tenant_id and newer.task_id = w.task_id and newer.attempt > w.attempt
where w.created_at > newer.claimed_at

-- name: i3_nothing_is_written_after_the_attempts_end
select w.what, w.task_id, w.attempt, w.created_at, a.ended_at
from (
    select 'checkpoint' as what, tenant_id, task_id, attempt, created_at from par.checkpoints where attempt is not null
    union all
    select 'event', tenant_id, task_id, attempt, created_at from par.events where attempt is not null and kind <> 'event'
    union all
    select 'cost', tenant_id, task_id, attempt, created_at from par.ledger where checkpoint_id is not null) w
join par.attempts a using (tenant_id, task_id, attempt)
where w.created_at > a.ended_at + interval '1 second'

-- name: i4_one_chain_of_checkpoints
with recursive newest as (
    select distinct on (tenant_id, task_id, namespace) tenant_id, task_id, namespace, checkpoint_id, parent_checkpoint_id
    from par.checkpoints order by tenant_id, task_id, namespace, checkpoint_id desc
),
chain as (
    select * from newest
    union
    select p.tenant_id, p.task_id, p.namespace, p.checkpoint_id, p.parent_checkpoint_id
    from chain c join par.checkpoints p on p.tenant_id = c.tenant_id and p.task_id = c.task_id and p.namespace = c.namespace
        and p.checkpoint_id = c.parent_checkpoint_id
)
select c.task_id, c.namespace, c.checkpoint_id, c.parent_checkpoint_id, c.attempt, 'not reached from the newest' as problem
from par.checkpoints c where not exists (
    select from chain r where r.tenant_id = c.tenant_id and r.task_id = c.task_id and r.namespace = c.namespace
      and r.checkpoint_id = c.checkpoint_id)
union all
select c.task_id, c.namespace, c.checkpoint_id, c.parent_checkpoint_id, c.attempt, 'its parent is not there'
from par.checkpoints c where c.parent_checkpoint_id is not null and not exists (
    select from par.checkpoints p where p.tenant_id = c.tenant_id and p.task_id = c.task_id and p.namespace = c.namespace
      and p.checkpoint_id = c.parent_checkpoint_id)

-- name: i4_every_step_once
select c.task_id, c.checkpoint_id, c.step_number, p.step_number as parent_step
from par.checkpoints c
join par.checkpoints p on p.tenant_id = c.tenant_id and p.task_id = c.task_id and p.namespace = c.namespace
    and p.checkpoint_id = c.parent_checkpoint_id
where c.step_number <= p.step_number or (c.run_number = p.run_number and c.step_number <> p.step_number + 1)

-- name: i4_steps_are_counted_once
-- The steps that a redrive took back were made, and so stay counted.
select t.task_id, t.step_count, count(c.*) as steps, (
    select coalesce(sum((e.details ->> 'removed_steps')::int), 0) from par.events e
    where e.tenant_id = t.tenant_id and e.task_id = t.task_id and e.event_type = 'task_redriven') as removed
from par.tasks t left join (
    select c.* from par.checkpoints c
    left join par.checkpoints p on p.tenant_id = c.tenant_id and p.task_id = c.task_id and p.namespace = c.namespace
        and p.checkpoint_id = c.parent_checkpoint_id
    -- The checkpoint that takes in a follow-up's message is no step; the one before it is not kept, which leaves a gap.
    where c.namespace = '' and c.attempt is not null and c.step_number > 0
      and not (p.run_number < c.run_number and c.step_number = p.step_number + 2) is true) c
    on c.tenant_id = t.tenant_id and c.task_id = t.task_id
where t.status <> 'running'
group by t.tenant_id, t.task_id having t.step_count <> count(c.*) + (
    select coalesce(sum((e.details ->> 'removed_steps')::int), 0) from par.events e
    where e.tenant_id = t.tenant_id and e.task_id = t.task_id and e.event_type = 'task_redriven')

-- name: i4_checkpoints_are_counted_once
select t.task_id, t.checkpoint_count, count(c.*) as checkpoints
from par.tasks t left join par.checkpoints c on c.tenant_id = t.tenant_id and c.task_id = t.task_id and c.namespace = ''
where t.status <> 'running'
group by t.tenant_id, t.task_id having t.checkpoint_count <> count(c.*)

-- name: i4_writes_belong_to_a_checkpoint
select w.task_id, w.namespace, w.checkpoint_id, w.writer_id from par.checkpoint_writes w
where not exists (select from par.checkpoints c where c.tenant_id = w.tenant_id and c.task_id = w.task_id
                    and c.namespace = w.namespace and c.checkpoint_id = w.checkpoint_id)

-- name: i5_a_tool_call_is_told_and_answered_once
-- A redrive that took steps back tells again of what it does again.
select task_id, kind, tool_call_id, count(*), array_agg(attempt) as attempts from par.events e
cross join lateral (
    select count(*) as rewinds from par.events r
    where r.tenant_id = e.tenant_id and r.task_id = e.task_id and r.event_type = 'task_redriven'
      and (r.details ->> 'removed_checkpoints')::int > 0 and r.sequence < e.sequence) b
where kind in ('tool_call', 'tool_result') group by tenant_id, task_id, kind, tool_call_id, rewinds having count(*) > 1

-- name: i5_no_result_without_its_call
select e.task_id, e.sequence, e.tool_call_id from par.events e
where e.kind = 'tool_result' and not exists (
    select from par.events c where c.tenant_id = e.tenant_id and c.task_id = e.task_id and c.kind = 'tool_call'
      and c.tool_call_id = e.tool_call_id and c.sequence < e.sequence)

-- name: i7_the_tasks_total_is_its_ledger
select t.task_id, t.cost_microdollars, coalesce(l.cost, 0) as ledger, t.input_tokens, coalesce(l.input_tokens, 0) as ledger_input,
    t.output_tokens, coalesce(l.output_tokens, 0) as ledger_output
from par.tasks t left join (
    select tenant_id, task_id, coalesce(sum(cost_microdollars), 0) as cost, sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens
    from par.ledger group by tenant_id, task_id) l using (tenant_id, task_id)
where t.status <> 'running' and (t.cost_microdollars, t.input_tokens, t.output_tokens)
    is distinct from (coalesce(l.cost, 0), coalesce(l.input_tokens, 0), coalesce(l.output_tokens, 0))

-- name: i7_the_runs_total_is_its_ledger
select r.task_id, r.run_number, r.cost_microdollars, coalesce(l.cost, 0) as ledger
from par.runs r join par.tasks t using (tenant_id, task_id)
left join (
    select tenant_id, task_id, run_number, coalesce(sum(cost_microdollars), 0) as cost
    from par.ledger group by tenant_id, task_id, run_number) l
    on l.tenant_id = r.tenant_id and l.task_id = r.task_id and l.run_number = r.run_number
where t.status <> 'running' and r.cost_microdollars <> coalesce(l.cost, 0)

-- name: i7_the_agents_total_is_its_ledger
select coalesce(s.agent_id, l.agent_id) as agent_id, s.cost, l.cost as ledger, s.calls, l.calls as ledger_calls,
    s.input_tokens, l.input_tokens as ledger_input
from (select tenant_id, agent_id, sum(cost_microdollars) as cost, sum(calls) as calls, sum(input_tokens) as input_tokens
      from par.spend group by tenant_id, agent_id) s
full join (
    select tenant_id, agent_id, coalesce(sum(cost_microdollars), 0) as cost, count(*) as calls, sum(input_tokens) as input_tokens
    from par.ledger group by tenant_id, agent_id) l using (tenant_id, agent_id)
where (s.cost, s.calls, s.input_tokens) is distinct from (l.cost, l.calls, l.input_tokens)

-- name: i7_every_reply_is_told_once
select task_id, message_namespace, message_sequence, count(*), array_agg(sequence) as sequences from par.events
where kind = 'model_turn' group by tenant_id, task_id, message_namespace, message_sequence having count(*) > 1

-- name: i7_every_reply_is_paid_once
select coalesce(l.task_id, e.task_id) as task_id, l.calls, l.of_steps, l.cost, e.replies, e.cost as told
from (select tenant_id, task_id, count(*) as calls, coalesce(sum(cost_microdollars), 0) as cost,
          count(*) filter (where checkpoint_id is not null) as of_steps,
          coalesce(sum(cost_microdollars) filter (where checkpoint_id is not null), 0) as cost_of_steps
      from par.ledger where kind = 'model' group by tenant_id, task_id) l
full join (
    select tenant_id, task_id, count(*) as replies, coalesce(sum(cost_microdollars), 0) as cost
    from (select distinct on (tenant_id, task_id, message_namespace, message_sequence) * from par.events
          where kind = 'model_turn' and input_tokens is not null) once
    group by tenant_id, task_id) e using (tenant_id, task_id)
where coalesce(l.of_steps, 0) > coalesce(e.replies, 0) or coalesce(e.replies, 0) > coalesce(l.calls, 0)
   or coalesce(l.cost_of_steps, 0) > coalesce(e.cost, 0) or coalesce(e.cost, 0) > coalesce(l.cost, 0)

-- name: i7_what_was_saved_was_spent_once
select t.task_id, t.saved_cost_microdollars, coalesce(l.saved, 0) as ledger, l.of_no_step
from par.tasks t left join (
    select tenant_id, task_id, sum(cost_microdollars) filter (where saved) as saved,
        count(*) filter (where saved and not exists (
            select from par.checkpoints c where c.tenant_id = k.tenant_id and c.task_id = k.task_id
              and c.checkpoint_id = k.checkpoint_id)) as of_no_step
    from par.ledger k group by tenant_id, task_id) l using (tenant_id, task_id)
where t.saved_cost_microdollars <> coalesce(l.saved, 0) or l.of_no_step > 0

-- name: i7_nothing_stays_reserved
select task_id, attempt, reserved_call_id, reserved_microdollars from par.attempts a
where ended_at is not null and reserved_call_id is not null and not exists (
    select from par.ledger l where l.tenant_id = a.tenant_id and l.task_id = a.task_id and l.call_id = a.reserved_call_id)

-- name: i8_an_answer_is_used_once
select request_id, task_id, state, answered_at, consumed_at from par.human_requests
where (consumed_at is not null and state <> 'answered') or (state = 'answered' and answered_at is null)

-- name: i9_tries_are_bounded
select task_id, status, retry_count, crash_count, max_retries from par.tasks
where (status <> 'dead_letter' and (retry_count > max_retries or crash_count > 2)) or retry_count > max_retries + 1 or crash_count > 3

-- name: i9_a_dead_letter_says_why
select task_id, dead_letter_reason, last_error_code, last_error_message, error_fingerprint, dead_lettered_at from par.tasks
where (status = 'dead_letter') is distinct from (dead_letter_reason is not null and dead_lettered_at is not null)
   or (status = 'dead_letter' and (last_error_code is null or last_error_message is null or error_fingerprint is null))

-- name: i9_retries_were_exhausted_indeed
select task_id, retry_count, crash_count, max_retries from par.tasks
where status = 'dead_letter' and dead_letter_reason = 'retries_exhausted' and retry_count <= max_retries and crash_count < 3

-- name: i11_leases_are_set_by_the_databases_clock
select worker_id, last_heartbeat_at, lease_expires_at, lease_expires_at - last_heartbeat_at as lease from par.worker_sessions
where %(lease_seconds)s::double precision is not null
  and abs(extract(epoch from lease_expires_at - last_heartbeat_at) - %(lease_seconds)s::double precision) > 0.001

-- name: i11_a_live_worker_keeps_its_tasks
select a.task_id, a.attempt, a.worker_id, a.outcome, a.ended_at from par.attempts a
where a.outcome like 'lease_expired%%' and %(lost_workers)s::text[] is not null
  and not a.worker_id = any (coalesce(%(lost_workers)s::text[], '{}'))

-- name: i13_events_have_no_gap
select t.task_id, count(e.*) as events, max(e.sequence) as last, coalesce(a.last_sequence, t.last_sequence) as expected
from par.tasks t
left join par.attempts a on a.tenant_id = t.tenant_id and a.task_id = t.task_id and a.ended_at is null
left join par.events e on e.tenant_id = t.tenant_id and e.task_id = t.task_id
group by t.tenant_id, t.task_id, a.last_sequence
having count(e.*) <> coalesce(max(e.sequence), 0) or max(e.sequence) is distinct from coalesce(a.last_sequence, t.last_sequence)

-- name: finished_tasks_are_counted
select agent_id, f.completed, t.completed as there, f.dead_letter, t.dead_letter as dead_letters_there
from (select tenant_id, agent_id, sum(completed - left_completed) as completed, sum(dead_lettered - left_dead_letter) as dead_letter
      from par.task_flow group by tenant_id, agent_id) f
full join (
    select tenant_id, agent_id, count(*) filter (where status = 'completed') as completed,
        count(*) filter (where status = 'dead_letter') as dead_letter
    from par.tasks group by tenant_id, agent_id) t using (tenant_id, agent_id)
where coalesce(f.completed, 0) <> coalesce(t.completed, 0) or coalesce(f.dead_letter, 0) <> coalesce(t.dead_letter, 0)
