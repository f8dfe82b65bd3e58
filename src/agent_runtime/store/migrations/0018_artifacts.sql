-- Files of tasks: a row here says that the bytes are in the object store, under a key made of the row's ids.

create table par.artifacts (
    tenant_id text not null,
    task_id uuid not null,
    direction text not null check (direction in ('input', 'output')),
    filename text not null check (octet_length(filename) between 1 and 255),
    artifact_id uuid not null,
    run_number integer not null,
    tool_call_id text,
    content_type text not null,
    size_bytes bigint not null,
    sha256 bytea not null,
    created_at timestamptz not null,
    primary key (tenant_id, task_id, direction, filename)
);
call par.protect('artifacts');

-- Bytes that no artifact names: those of an upload under way, and those whose artifact is gone. An upload announces itself
-- here before its first byte, so that whatever becomes of it, its bytes are found without listing a store.
create table par.loose_objects (
    tenant_id text not null,
    task_id uuid not null,
    artifact_id uuid not null,
    -- Once doomed, the bytes may be removed at any moment and no upload may name them any more.
    doomed boolean not null default false,
    since timestamptz not null,
    primary key (tenant_id, task_id, artifact_id)
);
call par.protect('loose_objects');
create index loose_objects_by_age on par.loose_objects (since);

-- Results of tools that were too long for the conversation, whole or as far as they are kept.
create table par.tool_results (
    tenant_id text not null,
    task_id uuid not null,
    tool_call_id text not null,
    run_number integer not null,
    body bytea not null,
    left_out_bytes bigint not null default 0,
    created_at timestamptz not null,
    primary key (tenant_id, task_id, tool_call_id, run_number)
);
-- Not compressed, so that a piece is read without the rest.
alter table par.tool_results alter column body set storage external;
call par.protect('tool_results');
