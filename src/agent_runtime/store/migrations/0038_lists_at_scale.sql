-- Lists that grew with what had been kept: each is a range of an index now, in the order it is shown in.

-- Deliveries of one outcome, however rare; a log of all of them merges three ranges.
create index webhook_deliveries_by_status on par.webhook_deliveries (tenant_id, webhook_id, status, created_at, delivery_id);
drop index par.webhook_deliveries_by_age;

-- Dead letters of one cause in the order of their list, with all that counting them by cause needs.
create index tasks_dead_by_cause on par.tasks (tenant_id, error_fingerprint, dead_lettered_at, task_id) include (agent_id)
    where status = 'dead_letter';
drop index par.tasks_dead_alike;
