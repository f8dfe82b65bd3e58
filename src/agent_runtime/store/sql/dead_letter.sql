-- name: page
-- Ids of a page of dead letters, the newest first.
select t.task_id, t.dead_lettered_at from par.tasks t
where t.tenant_id = %(tenant_id)s and t.status = 'dead_letter'
  and (%(before_time)s::timestamptz is null
      or (t.dead_lettered_at, t.task_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid))
  and (%(agent_id)s::text is null or t.agent_id = %(agent_id)s)
  and (%(reason)s::text is null or t.dead_letter_reason = %(reason)s)
  and (%(fingerprint)s::text is null or t.error_fingerprint = %(fingerprint)s)
order by t.dead_lettered_at desc, t.task_id desc limit %(limit)s

-- name: groups
-- Dead letters by what went wrong: how often, when, for whom, and the newest as an example.
with by_agent as (
    select t.error_fingerprint, t.agent_id, count(*) as tasks, min(t.dead_lettered_at) as first_seen_at,
        max(t.dead_lettered_at) as last_seen_at
    from par.tasks t
    where t.tenant_id = %(tenant_id)s and t.status = 'dead_letter' and t.error_fingerprint is not null
      and (%(agent_id)s::text is null or t.agent_id = %(agent_id)s)
    group by t.error_fingerprint, t.agent_id
),
counted as (
    select error_fingerprint, sum(tasks)::bigint as tasks, min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at, array_agg(agent_id order by agent_id) as agent_ids
    from by_agent group by error_fingerprint
),
page as (
    select * from counted c
    where %(before_time)s::timestamptz is null
       or (c.last_seen_at, c.error_fingerprint) < (%(before_time)s::timestamptz, %(before_fingerprint)s::text)
    order by c.last_seen_at desc, c.error_fingerprint desc limit %(limit)s
)
select c.error_fingerprint as fingerprint, c.tasks as count, c.first_seen_at, c.last_seen_at, c.agent_ids as agents,
    example.dead_letter_reason, json_build_object('task_id', example.task_id, 'agent_id', example.agent_id,
        'last_error_code', example.last_error_code, 'last_error_message', left(example.last_error_message, 2048)) as example
from page c
cross join lateral (
    select t.* from par.tasks t
    where t.tenant_id = %(tenant_id)s and t.status = 'dead_letter' and t.error_fingerprint = c.error_fingerprint
    order by t.dead_lettered_at desc, t.task_id desc limit 1) example
order by c.last_seen_at desc, c.error_fingerprint desc

-- name: alike
-- Ids of dead letters of one cause or one agent, oldest first, as a redrive of many takes them.
select t.task_id from par.tasks t
where t.tenant_id = %(tenant_id)s and t.status = 'dead_letter'
  and (%(fingerprint)s::text is null or t.error_fingerprint = %(fingerprint)s)
  and (%(agent_id)s::text is null or t.agent_id = %(agent_id)s)
order by t.dead_lettered_at, t.task_id limit %(limit)s

-- name: states
-- The states of tasks that a redrive of many named.
select t.task_id, t.status from par.tasks t
where t.tenant_id = %(tenant_id)s and t.task_id = any (%(task_ids)s::uuid[])
