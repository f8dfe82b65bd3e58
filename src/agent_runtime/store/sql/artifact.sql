-- name: announce
-- Bytes are about to be written that no artifact names yet.
insert into par.loose_objects (tenant_id, task_id, artifact_id, since)
values (%(tenant_id)s, %(task_id)s, %(artifact_id)s, par.now())

-- name: lock_attempt
-- The fence of a worker's write: its attempt, which cannot end before this transaction does. No row when it has ended.
select a.run_number from par.attempts a
where a.tenant_id = %(tenant_id)s and a.task_id = %(task_id)s and a.attempt = %(attempt)s
  and coalesce(a.ended_at, 'infinity') = 'infinity'
for no key update

-- name: stored
-- What a task holds beside the file that would be replaced.
select count(*) as files, coalesce(sum(f.size_bytes), 0)::bigint as bytes from par.artifacts f
where f.tenant_id = %(tenant_id)s and f.task_id = %(task_id)s
  and (f.direction, f.filename) is distinct from (%(direction)s, %(filename)s)

-- name: add
-- An artifact whose bytes are stored takes its name; whatever had the name before becomes loose. No row when the upload
-- has taken so long that its bytes were given up.
with own as (
    delete from par.loose_objects o
    where o.tenant_id = %(tenant_id)s and o.task_id = %(task_id)s and o.artifact_id = %(artifact_id)s and not o.doomed
    returning o.artifact_id
),
before as materialized (
    select f.artifact_id from par.artifacts f
    where f.tenant_id = %(tenant_id)s and f.task_id = %(task_id)s and f.direction = %(direction)s
      and f.filename = %(filename)s and exists (select from own)
),
loosened as (
    insert into par.loose_objects (tenant_id, task_id, artifact_id, doomed, since)
    select %(tenant_id)s, %(task_id)s, artifact_id, true, par.now() from before
)
insert into par.artifacts as f (tenant_id, task_id, direction, filename, artifact_id, run_number, tool_call_id, content_type,
    size_bytes, sha256, created_at)
select %(tenant_id)s, %(task_id)s, %(direction)s, %(filename)s, artifact_id, %(run_number)s, %(tool_call_id)s,
    %(content_type)s, %(size_bytes)s, decode(%(sha256)s, 'hex'), par.now()
from own
on conflict (tenant_id, task_id, direction, filename) do update
set artifact_id = excluded.artifact_id, run_number = excluded.run_number, tool_call_id = excluded.tool_call_id,
    content_type = excluded.content_type, size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
    created_at = excluded.created_at
returning f.artifact_id, f.filename, f.direction, f.content_type, f.size_bytes, encode(f.sha256, 'hex') as sha256, f.created_at

-- name: doom
-- An upload that came to nothing: its bytes may go.
update par.loose_objects o set doomed = true
where o.tenant_id = %(tenant_id)s and o.task_id = %(task_id)s and o.artifact_id = any (%(artifact_ids)s::uuid[])

-- name: get
-- The artifact of a name.
select f.artifact_id, f.filename, f.direction, f.content_type, f.size_bytes, encode(f.sha256, 'hex') as sha256, f.created_at
from par.artifacts f
where f.tenant_id = %(tenant_id)s and f.task_id = %(task_id)s and f.direction = %(direction)s and f.filename = %(filename)s

-- name: of_call
-- The artifact that a tool call has stored under a name, so that the call may be repeated.
select f.artifact_id, f.filename, f.direction, f.content_type, f.size_bytes, encode(f.sha256, 'hex') as sha256, f.created_at
from par.artifacts f
where f.tenant_id = %(tenant_id)s and f.task_id = %(task_id)s and f.direction = 'output' and f.filename = %(filename)s
  and f.run_number = %(run_number)s and f.tool_call_id = %(tool_call_id)s

-- name: page
-- A task's artifacts by direction and name.
select f.artifact_id, f.filename, f.direction, f.content_type, f.size_bytes, encode(f.sha256, 'hex') as sha256, f.created_at
from par.artifacts f
where f.tenant_id = %(tenant_id)s and f.task_id = %(task_id)s
  and (f.direction, f.filename) > (%(after_direction)s, %(after_filename)s)
  and (%(direction)s::text is null or f.direction = %(direction)s)
order by f.direction, f.filename limit %(limit)s

-- name: give_up
-- Take loose bytes that are old enough, so that they can be removed: uploads that never ended and what nobody names. What
-- another worker took and did not remove is taken again later.
update par.loose_objects o set doomed = true, since = par.now()
from (
    select l.tenant_id, l.task_id, l.artifact_id from par.loose_objects l
    where l.since < par.now() - make_interval(secs => %(seconds)s) order by l.since limit %(limit)s
    for update skip locked) old
where o.tenant_id = old.tenant_id and o.task_id = old.task_id and o.artifact_id = old.artifact_id
returning o.tenant_id, o.task_id, o.artifact_id

-- name: forget
-- Loose bytes that have been removed.
delete from par.loose_objects o
using unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[], %(artifact_ids)s::uuid[]) as gone(tenant_id, task_id, artifact_id)
where o.tenant_id = gone.tenant_id and o.task_id = gone.task_id and o.artifact_id = gone.artifact_id and o.doomed
