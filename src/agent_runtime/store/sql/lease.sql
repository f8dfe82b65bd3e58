-- name: register
-- A worker process comes online, or comes back after its session was declared lost.
insert into par.worker_sessions (worker_id, worker_pool_id, status, host, pid, version, capacity, lock_key, lease_expires_at)
values (%(worker_id)s, %(worker_pool_id)s, 'online', %(host)s, %(pid)s, %(version)s, %(capacity)s, %(lock_key)s,
    par.now() + make_interval(secs => %(lease_seconds)s))
on conflict (worker_id) do update
set status = 'online', last_heartbeat_at = par.now(), lease_expires_at = excluded.lease_expires_at

-- name: hold_lock
-- The lock that the kernel lets go of when the process dies: held by the heartbeat's connection for its whole life.
select pg_try_advisory_lock(%(lock_key)s) as held

-- name: renew
-- One beat. Gives nothing when the session was declared lost meanwhile.
update par.worker_sessions
set last_heartbeat_at = par.now(), lease_expires_at = par.now() + make_interval(secs => %(lease_seconds)s),
    running_tasks = %(running_tasks)s, status = %(status)s
where worker_id = %(worker_id)s and status <> 'offline'
returning drain_requested

-- name: leave
-- A worker that has handed over everything goes.
update par.worker_sessions set status = 'offline', running_tasks = 0 where worker_id = %(worker_id)s

-- name: free_locks
-- Peers whose lock nobody holds. Shared and for this statement only, so that probes do not see each other. No verdict in
-- the first seconds of the database: its restart freed every lock.
select worker_id from par.worker_sessions
where status <> 'offline' and worker_id <> %(worker_id)s
  and pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(quiet_seconds)s)
  and pg_try_advisory_xact_lock_shared(lock_key)

-- name: declare_dead
-- Mark sessions lost: those seen dead, if their lock is still free, and those whose lease ran out.
update par.worker_sessions s set status = 'offline', running_tasks = 0
where s.status <> 'offline'
  and pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(quiet_seconds)s)
  and ((s.worker_id = any (%(suspects)s::text[]) and pg_try_advisory_xact_lock_shared(s.lock_key)) or s.lease_expires_at < par.now())
returning s.worker_id

-- name: orphans
-- Live attempts whose worker is gone, with what decides whether their tasks are tried again.
select a.tenant_id, a.task_id, a.attempt, a.worker_id, a.step_count > 0 as progressed, t.retry_count, t.crash_count, t.max_retries
from par.attempts a
join par.tasks t on t.tenant_id = a.tenant_id and t.task_id = a.task_id
left join par.worker_sessions s on s.worker_id = a.worker_id
where a.ended_at is null and (s.worker_id is null or s.status = 'offline' or a.worker_id = any (%(own)s::text[]))
limit %(limit)s

-- name: own_attempts
-- Live attempts in a worker's name that it has had for a while.
select a.tenant_id, a.task_id, a.attempt from par.attempts a
where a.ended_at is null and a.worker_id = %(worker_id)s and a.claimed_at <= par.now() - make_interval(secs => %(seconds)s)
limit 1000

-- name: ended_attempts
-- Which of a worker's attempts others have ended: cancelled, timed out or taken over.
select m.task_id, m.attempt, a.outcome
from unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[], %(attempts)s::int[]) as m(tenant_id, task_id, attempt)
join par.attempts a on a.tenant_id = m.tenant_id and a.task_id = m.task_id and a.attempt = m.attempt
where a.ended_at is not null

-- name: overdue
-- Tasks whose time is up: running ones, and queued ones that were claimed before.
select t.tenant_id, t.task_id, t.task_timeout_seconds
from par.attempts a join par.tasks t on t.tenant_id = a.tenant_id and t.task_id = a.task_id
where a.ended_at is null and t.deadline_at < par.now()
union
select q.tenant_id, q.task_id, t.task_timeout_seconds
from par.queue q join par.tasks t on t.tenant_id = q.tenant_id and t.task_id = q.task_id
where q.deadline_at < par.now()
limit %(limit)s

-- name: forget_sessions
-- Sessions that have been offline for a day.
delete from par.worker_sessions s
where s.status = 'offline' and s.last_heartbeat_at < par.now() - interval '1 day'
  and not exists (select from par.attempts a where a.worker_id = s.worker_id and a.ended_at is null)

-- name: resume_point
-- Where a run goes on: the newest checkpoint's run, and the newest input with the run it was given to. Inputs from before a run
-- that started at a chosen checkpoint are in that checkpoint or left behind with what came after it.
select newest.run_number as checkpoint_run, given.run_number as input_run, given.input
from (select coalesce(max(r.run_number), 0) as run_number from par.runs r
      where r.tenant_id = %(tenant_id)s and r.task_id = %(task_id)s and r.from_checkpoint_id is not null) chosen
left join lateral (
    select c.run_number from par.checkpoints c
    where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = ''
    order by c.checkpoint_id desc limit 1) newest on true
left join lateral (
    select r.run_number, r.input from par.runs r
    where r.tenant_id = %(tenant_id)s and r.task_id = %(task_id)s and r.input is not null and r.run_number >= chosen.run_number
    order by r.run_number desc limit 1) given on true

-- name: agent_config
-- The configuration that a task was submitted under.
select agent_config from par.agent_versions
where tenant_id = %(tenant_id)s and agent_id = %(agent_id)s and config_version = %(config_version)s

-- name: model
-- What a model costs and how much it may say.
select input_price, output_price, cache_read_price, cache_write_price, max_output_tokens, context_window from par.models
where provider = %(provider)s and model_id = %(model_id)s
