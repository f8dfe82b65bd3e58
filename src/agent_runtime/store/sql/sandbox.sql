-- name: get
-- The sandbox of a task.
select s.run_number, s.provider, s.sandbox_id, s.host, s.state, s.times_made, s.exports, s.files from par.sandboxes s
where s.tenant_id = %(tenant_id)s and s.task_id = %(task_id)s

-- name: put
-- A sandbox that is being made or that is there, under the fence of its attempt. No row when that has ended.
insert into par.sandboxes as s (tenant_id, task_id, run_number, provider, sandbox_id, host, state, times_made, created_at, changed_at)
select a.tenant_id, a.task_id, a.run_number, %(provider)s, %(sandbox_id)s, %(host)s, %(state)s, %(times_made)s, par.now(), par.now()
from par.attempts a
where a.tenant_id = %(tenant_id)s and a.task_id = %(task_id)s and a.attempt = %(attempt)s
  and coalesce(a.ended_at, 'infinity') = 'infinity'
on conflict (tenant_id, task_id) do update
set run_number = excluded.run_number, provider = excluded.provider, sandbox_id = excluded.sandbox_id, host = excluded.host,
    state = excluded.state, times_made = excluded.times_made, files = null, changed_at = excluded.changed_at
returning s.sandbox_id

-- name: set_state
-- Paused, with what it then held, or running again.
update par.sandboxes s set state = %(state)s, files = %(files)s, changed_at = par.now()
where s.tenant_id = %(tenant_id)s and s.task_id = %(task_id)s and s.sandbox_id = %(sandbox_id)s

-- name: add_export
-- A file that was kept, so that it can be put back.
update par.sandboxes s
set exports = (s.exports::jsonb || jsonb_build_object(%(filename)s::text, %(path)s::text))::json, changed_at = par.now()
where s.tenant_id = %(tenant_id)s and s.task_id = %(task_id)s

-- name: take_over
-- Sandboxes whose tasks have ended, for whoever asks first; again after a while when they are still there.
with old as materialized (
    select s.tenant_id, s.task_id from par.sandboxes s
    join par.tasks t on t.tenant_id = s.tenant_id and t.task_id = s.task_id
    where s.state <> 'ended' and s.changed_at < par.now() - make_interval(secs => %(seconds)s)
      and t.status in ('completed', 'dead_letter')
      and (s.host = %(host)s or s.provider = any (%(anywhere)s::text[]) or s.changed_at < par.now() - interval '1 day')
    order by s.changed_at limit %(limit)s for update of s skip locked
)
update par.sandboxes s set state = 'ending', changed_at = par.now() from old o
where s.tenant_id = o.tenant_id and s.task_id = o.task_id
returning s.tenant_id, s.task_id, s.provider, s.sandbox_id, s.host

-- name: ended
-- It is gone.
update par.sandboxes s set state = 'ended', changed_at = par.now()
where s.tenant_id = %(tenant_id)s and s.task_id = %(task_id)s and s.sandbox_id = %(sandbox_id)s
