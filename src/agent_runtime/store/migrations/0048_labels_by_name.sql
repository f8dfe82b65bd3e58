-- Tasks that carry a label, whatever its value, the newest first.
create index task_labels_by_name on par.task_labels (tenant_id, label, task_id);
