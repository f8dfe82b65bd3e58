-- name: submit
-- Insert the tasks of one or more submissions with their first run, queue row, lane, labels and event: each submission all
-- or none, and once per idempotency key. Gives one row per task; none for a submission that names an agent which is missing,
-- disabled or poorer than the task's own budget, or whose key is taken.
with given as materialized (
    select r.* from jsonb_to_recordset(%(tasks)s::jsonb) as r(
        task_id uuid, run_id uuid, agent_id text, input text, worker_pool_id text, priority smallint,
        max_retries smallint, max_steps integer, task_timeout_seconds integer, budget_max bigint,
        labels jsonb, batch_id uuid, run_at timestamptz, callback_url text, ordinal integer, submission integer)
),
allowed as materialized (
    select g.*, a.config_version, a.display_name,
        to_char(par.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_text
    from given g
    join par.agents a on a.tenant_id = %(tenant_id)s and a.agent_id = g.agent_id and a.status = 'active'
    where g.budget_max is null or a.budget_max_per_task is null or g.budget_max <= a.budget_max_per_task
),
whole as materialized (
    select s.submission, s.idempotency_key, decode(s.request_hash, 'hex') as request_hash
    from jsonb_to_recordset(%(submissions)s::jsonb) as s(
        submission integer, idempotency_key text, request_hash text, tasks integer)
    join (select submission, count(*) as tasks from allowed group by submission) c on c.submission = s.submission
    where c.tasks = s.tasks
),
kept as (
    insert into par.idempotency_keys as k (tenant_id, idempotency_key, request_hash, status_code, response)
    select %(tenant_id)s, w.idempotency_key, w.request_hash, 201, answer.response
    from whole w
    cross join lateral (
        select json_build_object('batch_id', min(batch_id::text), 'items', json_agg(json_build_object(
            'task_id', task_id, 'agent_id', agent_id, 'agent_display_name', display_name, 'status', 'queued',
            'created_at', created_text) order by ordinal)) as response
        from allowed a where a.submission = w.submission) answer
    where w.idempotency_key is not null
    order by w.idempotency_key
    on conflict (tenant_id, idempotency_key) do update
    set request_hash = excluded.request_hash, status_code = excluded.status_code, response = excluded.response,
        created_at = excluded.created_at
    where k.created_at < par.now() - interval '24 hours'
    returning k.idempotency_key
),
request as materialized (
    select a.* from allowed a join whole w on w.submission = a.submission
    where w.idempotency_key is null or w.idempotency_key in (select idempotency_key from kept)
),
task as (
    insert into par.tasks (tenant_id, task_id, agent_id, config_version, status, last_sequence, worker_pool_id, priority,
        max_retries, max_steps, task_timeout_seconds, budget_max, labels, batch_id, callback_url, created_at, updated_at)
    select %(tenant_id)s, task_id, agent_id, config_version, 'queued', 1, worker_pool_id, priority,
        max_retries, max_steps, task_timeout_seconds, budget_max, labels, batch_id, callback_url, par.now(), par.now()
    from request
),
run as (
    insert into par.runs (tenant_id, task_id, run_number, run_id, kind, input, created_at)
    select %(tenant_id)s, task_id, 1, run_id, 'submit', input, par.now() from request
),
queued as (
    insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at, delayed_until)
    select %(tenant_id)s, task_id, agent_id, worker_pool_id, priority, par.now(),
        case when run_at > par.now() then run_at end
    from request
),
lane as (
    insert into par.queue_lanes (tenant_id, agent_id, worker_pool_id, priority)
    select distinct %(tenant_id)s, agent_id, worker_pool_id, priority from request
    order by 2, 3, 4
    on conflict do nothing
),
label as (
    insert into par.task_labels (tenant_id, label, value, task_id)
    select %(tenant_id)s, l.key, l.value, task_id from request, jsonb_each_text(labels) l
),
told as (
    insert into par.events (tenant_id, task_id, sequence, kind, agent_id, event_type, status_after, created_at)
    select %(tenant_id)s, task_id, 1, 'event', agent_id, 'task_submitted', 'queued', par.now() from request
)
select submission, task_id, agent_id, display_name as agent_display_name, 'queued' as status, created_text as created_at
from request order by submission, ordinal

-- name: refused_agents
-- Why a submission inserted nothing: what is known of the agents that it names.
select a.agent_id, a.status, a.budget_max_per_task
from par.agents a where a.tenant_id = %(tenant_id)s and a.agent_id = any (%(agent_ids)s)

-- name: takes_files
-- Whether an agent has a sandbox for the files of its tasks.
select coalesce((v.agent_config -> 'sandbox' ->> 'enabled')::boolean, false) as takes_files
from par.agents a
join par.agent_versions v on v.tenant_id = a.tenant_id and v.agent_id = a.agent_id and v.config_version = a.config_version
where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s
