-- name: keep
-- The long result of a tool call, under the fence of its attempt: no row when that has ended. Repeated, it is replaced.
with live as materialized (
    select a.run_number from par.attempts a
    where a.tenant_id = %(tenant_id)s and a.task_id = %(task_id)s and a.attempt = %(attempt)s
      and coalesce(a.ended_at, 'infinity') = 'infinity'
    for no key update
)
insert into par.tool_results as r (tenant_id, task_id, tool_call_id, run_number, body, left_out_bytes, created_at)
select %(tenant_id)s, %(task_id)s, %(tool_call_id)s, run_number, %(body)b, %(left_out_bytes)s, par.now() from live
on conflict (tenant_id, task_id, tool_call_id, run_number) do update
set body = excluded.body, left_out_bytes = excluded.left_out_bytes, created_at = excluded.created_at
returning r.run_number

-- name: piece
-- A piece of the newest result kept for a tool call.
select substring(r.body from %(offset)s + 1 for %(limit)s) as piece, length(r.body) as size, r.left_out_bytes
from par.tool_results r
where r.tenant_id = %(tenant_id)s and r.task_id = %(task_id)s and r.tool_call_id = %(tool_call_id)s
order by r.run_number desc limit 1
