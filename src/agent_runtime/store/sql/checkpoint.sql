-- name: latest
-- The newest checkpoint of a namespace.
select checkpoint_id, parent_checkpoint_id, state, checksum from par.checkpoints
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s
order by checkpoint_id desc limit 1

-- name: one
-- One checkpoint by its id.
select checkpoint_id, parent_checkpoint_id, state, checksum from par.checkpoints
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s and checkpoint_id = %(checkpoint_id)s

-- name: page
-- Checkpoints of a tenant, newest first, optionally of one thread, one namespace, one id, before one id.
select task_id, namespace, checkpoint_id, parent_checkpoint_id, state, checksum from par.checkpoints
where tenant_id = %(tenant_id)s
  and (%(task_id)s::uuid is null or task_id = %(task_id)s)
  and (%(namespace)s::text is null or namespace = %(namespace)s)
  and (%(checkpoint_id)s::uuid is null or checkpoint_id = %(checkpoint_id)s)
  and (%(before)s::uuid is null or checkpoint_id < %(before)s)
order by checkpoint_id desc limit %(limit)s

-- name: writes
-- What was written to a checkpoint, in the order LangGraph applies it.
select writer_id, write_index, body, checksum from par.checkpoint_writes
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s and checkpoint_id = %(checkpoint_id)s
order by writer_path, writer_id, write_index

-- name: messages
-- Messages of a namespace by their sequences.
select sequence, body, checksum from par.messages
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s and sequence = any (%(sequences)s::int[])

-- name: next_message
-- The sequence that the next message of a namespace gets.
select coalesce(max(sequence) + 1, 0) as sequence from par.messages
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s

-- name: channels
-- Channel values by name and version.
select c.channel, c.body, c.checksum from par.channel_values c
join unnest(%(channels)s::text[], %(versions)s::text[]) as m(channel, version) on m.channel = c.channel and m.version = c.version
where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = %(namespace)s

-- name: delete_thread
-- Everything of one thread.
with m as (delete from par.messages where tenant_id = %(tenant_id)s and task_id = %(task_id)s),
    v as (delete from par.channel_values where tenant_id = %(tenant_id)s and task_id = %(task_id)s),
    w as (delete from par.checkpoint_writes where tenant_id = %(tenant_id)s and task_id = %(task_id)s)
delete from par.checkpoints where tenant_id = %(tenant_id)s and task_id = %(task_id)s

-- name: delete_runs
-- The checkpoints of some runs with their writes; gives the threads they were of.
with gone as (
    delete from par.checkpoints where tenant_id = %(tenant_id)s and run_id = any (%(run_ids)s::text[])
    returning task_id, namespace, checkpoint_id
),
w as (
    delete from par.checkpoint_writes w using gone g
    where w.tenant_id = %(tenant_id)s and w.task_id = g.task_id and w.namespace = g.namespace and w.checkpoint_id = g.checkpoint_id
)
select distinct task_id from gone

-- name: delete_checkpoints
-- Some checkpoints of a thread with their writes.
with w as (
    delete from par.checkpoint_writes
    where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s
      and checkpoint_id = any (%(checkpoint_ids)s::uuid[])
)
delete from par.checkpoints
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s
  and checkpoint_id = any (%(checkpoint_ids)s::uuid[])

-- name: delete_unused_messages
-- Messages of a namespace that no kept checkpoint or write refers to.
delete from par.messages where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s
  and not sequence = any (%(used)s::int[])

-- name: delete_unused_channels
-- Channel values of a namespace that no kept checkpoint refers to.
delete from par.channel_values c where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = %(namespace)s
  and not exists (select from unnest(%(channels)s::text[], %(versions)s::text[]) as k(channel, version)
                  where k.channel = c.channel and k.version = c.version)

-- name: namespaces
-- The namespaces that a thread has checkpoints in.
select distinct namespace from par.checkpoints where tenant_id = %(tenant_id)s and task_id = %(task_id)s

-- name: all_writes
-- All writes of a namespace, to see which messages they refer to.
select checkpoint_id, body from par.checkpoint_writes
where tenant_id = %(tenant_id)s and task_id = %(task_id)s and namespace = %(namespace)s

-- name: copy_thread
-- Everything of one thread under another id.
with m as (
    insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)
    select tenant_id, %(target_id)s, namespace, sequence, checksum, body from par.messages
    where tenant_id = %(tenant_id)s and task_id = %(task_id)s on conflict do nothing
),
v as (
    insert into par.channel_values (tenant_id, task_id, namespace, channel, version, checksum, body)
    select tenant_id, %(target_id)s, namespace, channel, version, checksum, body from par.channel_values
    where tenant_id = %(tenant_id)s and task_id = %(task_id)s on conflict do nothing
),
w as (
    insert into par.checkpoint_writes (tenant_id, task_id, namespace, checkpoint_id, writer_id, write_index, writer_path, write_count,
        checksum, body)
    select tenant_id, %(target_id)s, namespace, checkpoint_id, writer_id, write_index, writer_path, write_count, checksum, body
    from par.checkpoint_writes where tenant_id = %(tenant_id)s and task_id = %(task_id)s on conflict do nothing
)
insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, parent_checkpoint_id, step_number, node_name, run_id,
    duration_ms, state, checksum, created_at)
select tenant_id, %(target_id)s, namespace, checkpoint_id, parent_checkpoint_id, step_number, node_name, run_id, duration_ms, state,
    checksum, created_at
from par.checkpoints where tenant_id = %(tenant_id)s and task_id = %(task_id)s on conflict do nothing
