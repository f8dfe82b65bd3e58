-- When the counters of an agent's finished tasks were last held against the tasks: one worker does it when it is due.
create table par.recounts (
    tenant_id text not null,
    agent_id text not null,
    counted_at timestamptz not null default par.now(),
    primary key (tenant_id, agent_id)
);
call par.protect('recounts');
