-- outside a transaction: writers go on while the indexes are built, and what an interrupted build has left is dropped first
-- Lists that grew with what had been kept: each is a range of an index now, in the order it is shown in.

-- Deliveries of one outcome, however rare. A log of all of them merges three ranges.
drop index concurrently if exists par.webhook_deliveries_by_status;
create index concurrently webhook_deliveries_by_status
    on par.webhook_deliveries (tenant_id, webhook_id, status, created_at, delivery_id);
drop index concurrently if exists par.webhook_deliveries_by_age;

-- Dead letters of one cause in the order of their list, with all that counting them by cause needs.
drop index concurrently if exists par.tasks_dead_by_cause;
create index concurrently tasks_dead_by_cause on par.tasks (tenant_id, error_fingerprint, dead_lettered_at, task_id)
    include (agent_id) where status = 'dead_letter';
drop index concurrently if exists par.tasks_dead_alike;
