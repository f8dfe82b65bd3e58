-- name: list_checkpoints
-- A page of a task's checkpoints, oldest first; the cost of one is that of its step's ledger rows, null when
-- none of them has a known price.
with page as materialized (
    select c.checkpoint_id, c.step_number, c.node_name, a.worker_id, c.duration_ms, c.created_at, c.parent_checkpoint_id
    from par.checkpoints c
    left join par.attempts a on a.tenant_id = c.tenant_id and a.task_id = c.task_id and a.attempt = c.attempt
    where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = ''
      and (%(after)s::uuid is null or c.checkpoint_id > %(after)s)
    order by c.checkpoint_id limit %(limit)s
),
-- One look at the task's ledger for the whole page, and not one for each of its checkpoints.
spent as (
    select l.checkpoint_id, sum(l.cost_microdollars)::bigint as cost_microdollars, sum(l.input_tokens) as input_tokens,
        sum(l.output_tokens) as output_tokens
    from par.ledger l
    where l.tenant_id = %(tenant_id)s and l.task_id = %(task_id)s and l.checkpoint_id = any (array(select checkpoint_id from page))
    group by l.checkpoint_id
)
select p.checkpoint_id, p.step_number, p.node_name, p.worker_id,
    case when s.checkpoint_id is null then 0 else s.cost_microdollars end as cost_microdollars,
    coalesce(s.input_tokens, 0) as input_tokens, coalesce(s.output_tokens, 0) as output_tokens, p.duration_ms, p.created_at,
    p.parent_checkpoint_id
from page p left join spent s using (checkpoint_id)
order by p.checkpoint_id

-- name: get_checkpoint
-- One checkpoint of a task with its state, and its parent's for the difference.
select c.checkpoint_id, c.step_number, c.node_name, a.worker_id,
    case when spent.calls = 0 then 0 else spent.cost_microdollars::bigint end as cost_microdollars, coalesce(spent.input_tokens, 0) as input_tokens,
    coalesce(spent.output_tokens, 0) as output_tokens, c.duration_ms, c.created_at, c.parent_checkpoint_id, c.state, c.checksum,
    p.state as parent_state, p.checksum as parent_checksum
from par.checkpoints c
left join par.attempts a on a.tenant_id = c.tenant_id and a.task_id = c.task_id and a.attempt = c.attempt
left join par.checkpoints p on p.tenant_id = c.tenant_id and p.task_id = c.task_id and p.namespace = c.namespace
    and p.checkpoint_id = c.parent_checkpoint_id
left join lateral (
    select count(*) as calls, sum(l.cost_microdollars) as cost_microdollars, sum(l.input_tokens) as input_tokens, sum(l.output_tokens) as output_tokens
    from par.ledger l
    where l.tenant_id = c.tenant_id and l.task_id = c.task_id and l.checkpoint_id = c.checkpoint_id) spent on true
where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = '' and c.checkpoint_id = %(checkpoint_id)s

-- name: messages
-- Stored messages of a task by their sequences.
select m.sequence, m.body from par.messages m
where m.tenant_id = %(tenant_id)s and m.task_id = %(task_id)s and m.namespace = '' and m.sequence = any (%(sequences)s::int[])

-- name: channels
-- Values of a task's channels by name and version.
select c.channel, c.version, c.body from par.channel_values c
join unnest(%(channels)s::text[], %(versions)s::text[]) as w(channel, version) on w.channel = c.channel and w.version = c.version
where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = ''
