-- name: source
-- The task that a fork starts from: whose it is, whether its agent takes tasks, and the configuration that it ran.
select t.agent_id, t.config_version, a.status as agent_status, v.agent_config as version_config,
    coalesce(t.own_config, v.agent_config) as agent_config
from par.tasks t
join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id
join par.agent_versions v on v.tenant_id = t.tenant_id and v.agent_id = t.agent_id and v.config_version = t.config_version
where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s

-- name: fork
-- A new task that starts at a checkpoint of another: the checkpoint with the messages and channels that it refers to, under the
-- same numbers, and a queued task with its first run. One snapshot: the checkpoint is copied whole or, if it is gone, no row.
-- What came after the checkpoint, pending writes included, stays behind.
with start as materialized (
    select c.* from par.checkpoints c
    where c.tenant_id = %(tenant_id)s and c.task_id = %(source_id)s and c.namespace = '' and c.checkpoint_id = %(checkpoint_id)s
),
source as materialized (
    select t.*, a.display_name from par.tasks t
    join par.agents a on a.tenant_id = t.tenant_id and a.agent_id = t.agent_id and a.status = 'active'
    where t.tenant_id = %(tenant_id)s and t.task_id = %(source_id)s and exists (select from start)
),
message as (
    insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)
    select m.tenant_id, %(task_id)s, m.namespace, m.sequence, m.checksum, m.body
    from source s
    cross join unnest(%(starts)s::int[], %(lengths)s::int[]) as r(start, length)
    join par.messages m on m.tenant_id = s.tenant_id and m.task_id = s.task_id and m.namespace = ''
        and m.sequence >= r.start and m.sequence < r.start + r.length
),
channel as (
    insert into par.channel_values (tenant_id, task_id, namespace, channel, version, checksum, body)
    select c.tenant_id, %(task_id)s, c.namespace, c.channel, c.version, c.checksum, c.body
    from source s
    cross join unnest(%(channels)s::text[], %(versions)s::text[]) as r(channel, version)
    join par.channel_values c on c.tenant_id = s.tenant_id and c.task_id = s.task_id and c.namespace = ''
        and c.channel = r.channel and c.version = r.version
),
checkpoint as (
    insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, run_number, step_number, node_name, duration_ms, state,
        checksum, created_at)
    select c.tenant_id, %(task_id)s, '', c.checkpoint_id, 0, c.step_number, c.node_name, c.duration_ms, c.state, c.checksum,
        c.created_at
    from start c join source s on s.tenant_id = c.tenant_id
),
task as (
    insert into par.tasks (tenant_id, task_id, agent_id, config_version, status, last_sequence, worker_pool_id, priority, max_retries,
        max_steps, task_timeout_seconds, budget_max, labels, checkpoint_count, parent_task_id, forked_from, own_config,
        asks_before_unsafe, created_at, updated_at)
    select tenant_id, %(task_id)s, agent_id, config_version, 'queued', 1, worker_pool_id, priority, max_retries, max_steps,
        task_timeout_seconds, budget_max, labels, 1, task_id, %(checkpoint_id)s, %(own_config)s::jsonb, %(asks_before_unsafe)s,
        par.now(), par.now()
    from source
),
run as (
    insert into par.runs (tenant_id, task_id, run_number, run_id, kind, input, from_checkpoint_id, created_at)
    select tenant_id, %(task_id)s, 1, %(run_id)s, 'submit', %(input)s, %(checkpoint_id)s, par.now() from source
),
queued as (
    insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at)
    select tenant_id, %(task_id)s, agent_id, worker_pool_id, priority, par.now() from source
),
lane as (
    insert into par.queue_lanes (tenant_id, agent_id, worker_pool_id, priority)
    select tenant_id, agent_id, worker_pool_id, priority from source
    on conflict do nothing
),
label as (
    insert into par.task_labels (tenant_id, label, value, task_id)
    select s.tenant_id, l.key, l.value, %(task_id)s from source s, jsonb_each_text(s.labels) l
),
told as (
    insert into par.events (tenant_id, task_id, sequence, kind, agent_id, event_type, status_after, details, created_at)
    select tenant_id, %(task_id)s, 1, 'event', agent_id, 'task_forked', 'queued', %(details)s::json, par.now() from source
)
select worker_pool_id from source
