-- The sandbox of a task: which one it is, so that any worker finds it again, and what is needed to make it again.

create table par.sandboxes (
    tenant_id text not null,
    task_id uuid not null,
    run_number integer not null,
    provider text not null,
    sandbox_id text not null,
    host text not null,
    -- `ending`: the run is over and somebody is about to destroy it; `ended`: it is gone, kept for `exports`.
    state text not null check (state in ('creating', 'running', 'paused', 'ending', 'ended')),
    times_made integer not null default 1,
    -- Path in the sandbox by name of the artifact.
    exports json not null default '{}',
    -- How many files its working directory held when it was paused.
    files bigint,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (tenant_id, task_id)
);
call par.protect('sandboxes');
create index sandboxes_alive on par.sandboxes (changed_at) where state <> 'ended';
