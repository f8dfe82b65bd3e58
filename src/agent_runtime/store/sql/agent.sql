-- name: get_agent
-- One agent with its current configuration.
select a.agent_id, a.display_name, v.agent_config, a.status, a.max_concurrent_tasks, a.budget_max_per_task,
    a.budget_max_per_hour, a.config_version, a.version, a.created_at, a.updated_at
from par.agents a
join par.agent_versions v on v.tenant_id = a.tenant_id and v.agent_id = a.agent_id and v.config_version = a.config_version
where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s

-- name: lock_agent
-- The same, locked against other writers until the transaction ends.
select a.agent_id, a.display_name, v.agent_config, a.status, a.max_concurrent_tasks, a.budget_max_per_task,
    a.budget_max_per_hour, a.config_version, a.version, a.created_at, a.updated_at
from par.agents a
join par.agent_versions v on v.tenant_id = a.tenant_id and v.agent_id = a.agent_id and v.config_version = a.config_version
where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s
for no key update of a

-- name: list_agents
-- A page of agents, by age; the configuration is left to the single read.
select a.agent_id, a.display_name, a.status, a.max_concurrent_tasks, a.budget_max_per_task, a.budget_max_per_hour,
    v.agent_config ->> 'provider' as provider, v.agent_config ->> 'model' as model,
    a.config_version, a.version, a.created_at, a.updated_at
from par.agents a
join par.agent_versions v on v.tenant_id = a.tenant_id and v.agent_id = a.agent_id and v.config_version = a.config_version
where a.tenant_id = %(tenant_id)s
  and (%(status)s::text is null or a.status = %(status)s)
  and (%(after_time)s::timestamptz is null or (a.created_at, a.agent_id) > (%(after_time)s::timestamptz, %(after_id)s::text))
order by a.created_at, a.agent_id limit %(limit)s

-- name: insert_agent
-- A new agent; no row when its id is taken.
insert into par.agents (tenant_id, agent_id, display_name, status, max_concurrent_tasks, budget_max_per_task, budget_max_per_hour)
values (%(tenant_id)s, %(agent_id)s, %(display_name)s, %(status)s, %(max_concurrent_tasks)s, %(budget_max_per_task)s,
    %(budget_max_per_hour)s)
on conflict (tenant_id, agent_id) do nothing
returning agent_id

-- name: insert_version
-- One more configuration in an agent's history.
insert into par.agent_versions (tenant_id, agent_id, config_version, agent_config, created_by)
values (%(tenant_id)s, %(agent_id)s, %(config_version)s, %(agent_config)s::jsonb, %(created_by)s)

-- name: update_agent
-- An agent's new values, under its lock.
update par.agents
set display_name = %(display_name)s, status = %(status)s, max_concurrent_tasks = %(max_concurrent_tasks)s,
    budget_max_per_task = %(budget_max_per_task)s, budget_max_per_hour = %(budget_max_per_hour)s,
    config_version = %(config_version)s, version = version + 1, updated_at = par.now()
where tenant_id = %(tenant_id)s and agent_id = %(agent_id)s

-- name: list_versions
-- A page of an agent's configuration history, oldest first.
select v.config_version as version, v.agent_config, v.created_by, v.created_at
from par.agent_versions v
where v.tenant_id = %(tenant_id)s and v.agent_id = %(agent_id)s and v.config_version > %(after)s
order by v.config_version limit %(limit)s

-- name: get_version
-- One configuration out of an agent's history.
select v.agent_config from par.agent_versions v
where v.tenant_id = %(tenant_id)s and v.agent_id = %(agent_id)s and v.config_version = %(config_version)s

-- name: latest_version
-- The number of the newest configuration, which a restored older one does not lower.
select max(v.config_version) as config_version from par.agent_versions v
where v.tenant_id = %(tenant_id)s and v.agent_id = %(agent_id)s
