-- name: record
-- Keep where tool calls stand, in the transaction of the flush that carries them: only for attempts whose flush has just
-- landed. A call that an answer let run uses the answer up.
with row as materialized (
    select r.*, a.run_number from unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[], %(attempts)s::int[], %(flush_numbers)s::int[],
        %(tool_call_ids)s::text[], %(tool_names)s::text[], %(states)s::text[], %(arguments)s::text[], %(results)b::bytea[],
        %(checksums)s::int[], %(request_ids)s::uuid[])
        as r(tenant_id, task_id, attempt, flush_number, tool_call_id, tool_name, state, arguments, result, checksum, request_id)
    cross join lateral (
        select k.run_number from par.attempts k
        where k.tenant_id = r.tenant_id and k.task_id = r.task_id and k.attempt = r.attempt
          and coalesce(k.ended_at, 'infinity') = 'infinity' and k.flush_number = r.flush_number
        limit 1) a
),
used as (
    update par.human_requests h set consumed_at = par.now()
    from row r where h.tenant_id = r.tenant_id and h.request_id = r.request_id and h.consumed_at is null
)
insert into par.tool_calls as c (tenant_id, task_id, tool_call_id, run_number, attempt, tool_name, state, arguments, result, checksum,
    request_id, started_at, ended_at)
select tenant_id, task_id, tool_call_id, run_number, attempt, tool_name, state, arguments::json, result, checksum, request_id,
    par.now(), case when state <> 'started' then par.now() end
from row
on conflict (tenant_id, task_id, run_number, tool_call_id) do update
set attempt = excluded.attempt, state = excluded.state, arguments = coalesce(excluded.arguments, c.arguments),
    result = excluded.result, checksum = excluded.checksum, request_id = coalesce(excluded.request_id, c.request_id),
    started_at = case when excluded.state = 'started' then excluded.started_at else c.started_at end, ended_at = excluded.ended_at

-- name: past
-- What is known of a task's calls from earlier attempts, oldest run first, with the answer that says what each was started
-- with: a person who lets an interrupted call run again, as it was, does not take back what was edited before.
select c.tool_call_id, c.tool_name, c.state, c.arguments, c.result as body, c.checksum, h.answer from par.tool_calls c
left join lateral (
    select r.answer from par.human_requests r
    where r.tenant_id = c.tenant_id and r.task_id = c.task_id and r.tool_call_id = c.tool_call_id and r.consumed_at is not null
      and (r.reason <> 'outcome_unknown' or (r.answer -> 'args') is not null)
    order by r.answered_at desc limit 1) h on c.request_id is not null
where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s
order by c.run_number
