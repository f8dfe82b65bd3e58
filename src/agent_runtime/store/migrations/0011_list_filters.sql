-- What filtered lists of tasks read: rare things are found by a range of an index, whatever the size of the table.

-- An agent's tasks by state, in place of the index without the state: as many entries to write, and a state that an agent
-- has no tasks in costs nothing to look for. A list of all states merges seven ranges.
drop index par.tasks_by_agent;
create index tasks_by_agent on par.tasks (tenant_id, agent_id, status, task_id);
create index tasks_dead_by_reason on par.tasks (tenant_id, dead_letter_reason, task_id) where status = 'dead_letter';

-- Calls whose price nobody knows, so that a task's cost can be told from none.
create index ledger_unpriced on par.ledger (tenant_id, task_id) where cost_microdollars is null;

grant select on par.migrations to par_api;
