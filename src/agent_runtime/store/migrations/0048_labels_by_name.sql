-- outside a transaction: writers go on while the index is built, and what an interrupted build has left is dropped first
-- Tasks that carry a label, whatever its value, the newest first.
drop index concurrently if exists par.task_labels_by_name;
create index concurrently task_labels_by_name on par.task_labels (tenant_id, label, task_id);
