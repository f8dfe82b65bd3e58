-- name: forget_idempotency_keys
-- Keys are kept for a day.
delete from par.idempotency_keys k using (
    select tenant_id, idempotency_key from par.idempotency_keys
    where created_at < par.now() - interval '24 hours' order by created_at limit %(limit)s for update skip locked) old
where k.tenant_id = old.tenant_id and k.idempotency_key = old.idempotency_key
returning k.tenant_id

-- name: forget_tasks
-- Remove finished tasks that ended longer ago than they are kept, with everything of theirs. A bounded number per call.
with old as materialized (
    select t.tenant_id, t.task_id
    from par.tenants n
    cross join unnest(array['completed', 'dead_letter']) as s(status)
    cross join lateral (
        select k.tenant_id, k.task_id from par.tasks k
        -- Ids sort by the time they were made: what is younger than that cannot have ended earlier.
        where k.tenant_id = n.tenant_id and k.status = s.status and k.task_id < %(made_before)s::uuid
          and k.updated_at < par.now() - make_interval(secs => %(days)s * 86400)
        order by k.task_id limit %(limit)s for update skip locked) t
    limit %(limit)s
),
e as (delete from par.events x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
m as (delete from par.messages x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
c as (delete from par.checkpoints x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
v as (delete from par.channel_values x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
w as (delete from par.checkpoint_writes x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
l as (delete from par.ledger x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
a as (delete from par.attempts x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
r as (delete from par.runs x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
t as (delete from par.tool_calls x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
f as (
    delete from par.artifacts x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id
    returning x.tenant_id, x.task_id, x.artifact_id
),
-- The bytes are removed from their store by the sweep, which finds them here.
z as (
    insert into par.loose_objects (tenant_id, task_id, artifact_id, doomed, since)
    select tenant_id, task_id, artifact_id, true, par.now() from f
),
y as (delete from par.tool_results x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
h as (delete from par.human_requests x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
s as (delete from par.sandboxes x using old o where x.tenant_id = o.tenant_id and x.task_id = o.task_id),
b as (
    delete from par.task_labels x using (
        select k.tenant_id, k.task_id, l.key, l.value
        from old o join par.tasks k on k.tenant_id = o.tenant_id and k.task_id = o.task_id
        cross join lateral jsonb_each_text(k.labels) l) own
    where x.tenant_id = own.tenant_id and x.label = own.key and x.value = own.value and x.task_id = own.task_id
),
gone as (
    delete from par.tasks k using old o where k.tenant_id = o.tenant_id and k.task_id = o.task_id
    returning k.tenant_id, k.task_id, k.agent_id, k.status
),
flowed as (
    insert into par.task_flow as f (tenant_id, agent_id, span, starts_at, lane, left_completed, left_dead_letter)
    select tenant_id, agent_id, 'minute', date_trunc('minute', par.now()), pg_backend_pid()::text,
        count(*) filter (where status = 'completed'), count(*) filter (where status = 'dead_letter')
    from gone group by tenant_id, agent_id order by tenant_id, agent_id
    on conflict (tenant_id, agent_id, span, starts_at, lane) do update
    set left_completed = f.left_completed + excluded.left_completed,
        left_dead_letter = f.left_dead_letter + excluded.left_dead_letter
)
select task_id from gone
