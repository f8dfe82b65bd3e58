-- name: list_workers
-- A page of the registry of worker processes, the youngest first. A worker whose lease has run out is offline.
select w.worker_id, case when w.lease_expires_at < par.now() then 'offline' when w.drain_requested and w.status = 'online'
        then 'draining' else w.status end as status,
    w.worker_pool_id as pool, w.running_tasks, w.capacity, w.last_heartbeat_at, w.started_at, w.version, w.host, w.pid
from par.worker_sessions w
where %(before_time)s::timestamptz is null or (w.started_at, w.worker_id) < (%(before_time)s::timestamptz, %(before_id)s::text)
order by w.started_at desc, w.worker_id desc limit %(limit)s

-- name: get_worker
-- One worker process.
select w.worker_id, case when w.lease_expires_at < par.now() then 'offline' when w.drain_requested and w.status = 'online'
        then 'draining' else w.status end as status,
    w.worker_pool_id as pool, w.running_tasks, w.capacity, w.last_heartbeat_at, w.started_at, w.version, w.host, w.pid
from par.worker_sessions w where w.worker_id = %(worker_id)s

-- name: request_drain
-- Ask a worker to stop claiming, hand over and exit.
update par.worker_sessions set drain_requested = true where worker_id = %(worker_id)s returning worker_id, status

-- name: health
-- Workers that are alive, and the newest migration that was applied.
select count(*) filter (where w.status = 'online' and w.lease_expires_at >= par.now()) as active_workers,
    (select max(m.name) from par.migrations m) as schema_version
from par.worker_sessions w

-- name: queued_tasks
-- How much work waits, of the tenant in whose transaction this runs.
select count(*) as queued_tasks from par.queue q where q.tenant_id = %(tenant_id)s
