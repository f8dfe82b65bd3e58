-- name: newest
-- The newest checkpoint of a task and the one before it; whether the newest is where a fork starts.
select c.checkpoint_id, c.parent_checkpoint_id, c.checkpoint_id = t.forked_from as is_origin
from par.checkpoints c join par.tasks t on t.tenant_id = c.tenant_id and t.task_id = c.task_id
where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = ''
order by c.checkpoint_id desc limit 1

-- name: chosen
-- The checkpoint that a run shall start at.
select c.checkpoint_id, c.state, c.checksum from par.checkpoints c
where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s and c.namespace = '' and c.checkpoint_id = %(checkpoint_id)s

-- name: remove_later
-- Take back what came after a checkpoint (all, when it is null): later checkpoints, the writes that led to them, and channel
-- values newer than `newest_version`, whose numbers the new run will use again. Messages stay, since the timeline refers to
-- them. What the removed steps cost stays in the ledger, of no step any more and not saved. Counts what went.
with gone as materialized (
    select c.*, p.run_number as parent_run, p.step_number as parent_step
    from par.checkpoints c
    left join par.checkpoints p on p.tenant_id = c.tenant_id and p.task_id = c.task_id and p.namespace = c.namespace
        and p.checkpoint_id = c.parent_checkpoint_id
    where c.tenant_id = %(tenant_id)s and c.task_id = %(task_id)s
      and (%(checkpoint_id)s::uuid is null or c.checkpoint_id > %(checkpoint_id)s)
),
checkpoint as (
    delete from par.checkpoints c using gone g
    where c.tenant_id = g.tenant_id and c.task_id = g.task_id and c.namespace = g.namespace and c.checkpoint_id = g.checkpoint_id
),
write as (
    delete from par.checkpoint_writes w
    where w.tenant_id = %(tenant_id)s and w.task_id = %(task_id)s and exists (select from gone)
      and (%(checkpoint_id)s::uuid is null or w.checkpoint_id >= %(checkpoint_id)s)
),
channel as (
    delete from par.channel_values v
    where v.tenant_id = %(tenant_id)s and v.task_id = %(task_id)s and exists (select from gone)
      and (%(checkpoint_id)s::uuid is null or (v.namespace = '' and v.version::numeric > %(newest_version)s)
        or (v.namespace <> '' and not exists (
            select from par.checkpoints k where k.tenant_id = v.tenant_id and k.task_id = v.task_id and k.namespace = v.namespace
              and k.checkpoint_id <= %(checkpoint_id)s)))
),
lost as materialized (
    select l.call_id, case when l.saved then coalesce(l.cost_microdollars, 0) else 0 end as saved
    from par.ledger l join gone g on g.checkpoint_id = l.checkpoint_id
    where l.tenant_id = %(tenant_id)s and l.task_id = %(task_id)s
),
unsaved as (
    update par.ledger l set checkpoint_id = null, saved = false
    from lost where l.tenant_id = %(tenant_id)s and l.task_id = %(task_id)s and l.call_id = lost.call_id
),
counted as (
    select count(*) filter (where namespace = '') as checkpoints,
        -- As steps are counted: the checkpoint that takes in a later run's message is none.
        count(*) filter (where namespace = '' and attempt is not null and step_number > 0
            and not (parent_run < run_number and step_number = parent_step + 2) is true) as steps
    from gone
),
task as (
    update par.tasks t
    set checkpoint_count = t.checkpoint_count - c.checkpoints,
        saved_cost_microdollars = t.saved_cost_microdollars - (select coalesce(sum(saved), 0) from lost)
    from counted c where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s
)
select checkpoints, steps from counted
