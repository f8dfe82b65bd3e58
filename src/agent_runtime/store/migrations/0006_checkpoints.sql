-- The state of a task's graph, step by step. A message is stored once; a checkpoint refers to ranges of messages and to
-- versions of channels. task_id is LangGraph's thread_id.

create table par.messages (
    tenant_id text not null,
    task_id uuid not null,
    namespace text not null,
    sequence integer not null,
    checksum integer not null,
    body bytea not null,
    primary key (tenant_id, task_id, namespace, sequence)
) with (toast_tuple_target = 8160);
call par.protect('messages');

create table par.checkpoints (
    tenant_id text not null,
    task_id uuid not null,
    namespace text not null,
    checkpoint_id uuid not null,
    parent_checkpoint_id uuid,
    attempt integer,
    run_number integer,
    step_number integer not null,
    node_name text,
    run_id text,
    duration_ms integer,
    state bytea not null,
    checksum integer not null,
    created_at timestamptz not null,
    primary key (tenant_id, task_id, namespace, checkpoint_id)
) with (toast_tuple_target = 8160);
call par.protect('checkpoints');
create index checkpoints_by_run on par.checkpoints (tenant_id, run_id) where run_id is not null;

create table par.channel_values (
    tenant_id text not null,
    task_id uuid not null,
    namespace text not null,
    channel text not null,
    version text not null,
    checksum integer not null,
    body bytea not null,
    primary key (tenant_id, task_id, namespace, channel, version)
) with (toast_tuple_target = 8160);
call par.protect('channel_values');

-- The writes of one graph task to one checkpoint. Regular writes are one row of index 0; LangGraph's special writes keep
-- their negative index, one row each.
create table par.checkpoint_writes (
    tenant_id text not null,
    task_id uuid not null,
    namespace text not null,
    checkpoint_id uuid not null,
    writer_id text not null,
    write_index integer not null,
    writer_path text not null,
    write_count integer not null,
    checksum integer not null,
    body bytea not null,
    primary key (tenant_id, task_id, namespace, checkpoint_id, writer_id, write_index)
);
call par.protect('checkpoint_writes');
