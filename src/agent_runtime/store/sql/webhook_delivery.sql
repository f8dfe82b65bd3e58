-- name: list_deliveries
-- A page of a webhook's log, newest first: one range of the index for each state asked for, merged.
select d.delivery_id, d.webhook_id, d.task_id, d.agent_id, d.event_type, d.task_status, d.sequence, d.occurred_at, d.status,
    d.url, d.attempts, case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at, d.last_status_code,
    d.last_error, d.last_duration_ms, d.created_at, d.delivered_at
from unnest(%(statuses)s::text[]) as s(status)
cross join lateral (
    select p.* from par.webhook_deliveries p
    where p.tenant_id = %(tenant_id)s and p.webhook_id = %(webhook_id)s and p.status = s.status
      and (%(before_time)s::timestamptz is null
        or (p.created_at, p.delivery_id) < (%(before_time)s::timestamptz, %(before_id)s::uuid))
    order by p.created_at desc, p.delivery_id desc limit %(limit)s) d
order by d.created_at desc, d.delivery_id desc limit %(limit)s

-- name: redeliver
-- Send one delivery again, as if it were new.
update par.webhook_deliveries d
set status = 'pending', attempts = 0, next_attempt_at = par.now(), expires_at = par.now() + interval '1 day',
    delivered_at = null
where d.tenant_id = %(tenant_id)s and d.webhook_id = %(webhook_id)s and d.delivery_id = %(delivery_id)s
returning d.delivery_id, d.webhook_id, d.task_id, d.agent_id, d.event_type, d.task_status, d.sequence, d.occurred_at, d.status,
    d.url, d.attempts, case when d.status = 'pending' then d.next_attempt_at end as next_attempt_at, d.last_status_code,
    d.last_error, d.last_duration_ms, d.created_at, d.delivered_at

-- name: unblock
-- Let a receiver be tried at once.
delete from par.webhook_circuits c where c.tenant_id = %(tenant_id)s and c.webhook_id = %(webhook_id)s

-- name: claim
-- Deliveries whose time has come, few of each receiver, none of one that is left alone. It hops over the index from one
-- receiver with something pending to the next (tenant_id comes first), so that a receiver's backlog costs the others nothing.
with recursive waiting as (
    (select d.tenant_id, d.webhook_id, d.endpoint from par.webhook_deliveries d
     where d.status = 'pending' order by d.tenant_id, d.webhook_id, d.endpoint limit 1)
    union all
    select n.tenant_id, n.webhook_id, n.endpoint from waiting w
    cross join lateral (
        select d.tenant_id, d.webhook_id, d.endpoint from par.webhook_deliveries d
        where d.status = 'pending' and (d.tenant_id, d.webhook_id, d.endpoint) > (w.tenant_id, w.webhook_id, w.endpoint)
        order by d.tenant_id, d.webhook_id, d.endpoint limit 1) n
),
due as materialized (
    select d.tenant_id, d.delivery_id, coalesce(d.url, h.url) as target, h.previous_secret_until > par.now() as two_secrets,
        coalesce(c.failures, 0) as failures
    from waiting w
    join par.webhooks h on h.tenant_id = w.tenant_id and h.webhook_id = w.webhook_id and h.status = 'active'
    left join par.webhook_circuits c on c.tenant_id = w.tenant_id and c.webhook_id = w.webhook_id and c.endpoint = w.endpoint
    cross join lateral (
        select p.tenant_id, p.delivery_id, p.url from par.webhook_deliveries p
        where p.tenant_id = w.tenant_id and p.webhook_id = w.webhook_id and p.endpoint = w.endpoint
          and p.status = 'pending' and p.next_attempt_at <= par.now()
        order by p.next_attempt_at
        limit case when c.failures >= %(failures_before_block)s then 1 else %(of_one_receiver)s::integer end
        for update skip locked) d
    where (c.blocked_until is null or c.blocked_until <= par.now())
      and w.tenant_id || ' ' || w.webhook_id || ' ' || w.endpoint <> all (%(busy)s::text[])
    limit %(limit)s
)
update par.webhook_deliveries d
set attempts = d.attempts + 1, next_attempt_at = par.now() + %(lease_seconds)s * interval '1 second'
from due where d.tenant_id = due.tenant_id and d.delivery_id = due.delivery_id
returning d.tenant_id, d.delivery_id, d.webhook_id, d.endpoint, due.target, coalesce(due.two_secrets, false) as two_secrets,
    due.failures, d.attempts, d.task_id, d.agent_id, d.event_type, d.task_status, d.sequence, d.occurred_at

-- name: delivered
-- A delivery that its receiver took.
update par.webhook_deliveries d
set status = 'delivered', delivered_at = par.now(), last_status_code = %(status_code)s, last_error = null,
    last_duration_ms = %(duration_ms)s
where d.tenant_id = %(tenant_id)s and d.delivery_id = %(delivery_id)s and d.status = 'pending'

-- name: close_circuit
-- A receiver that answers again.
delete from par.webhook_circuits c
where c.tenant_id = %(tenant_id)s and c.webhook_id = %(webhook_id)s and c.endpoint = %(endpoint)s

-- name: failed
-- A delivery that its receiver did not take: tried again later, or given up after its day.
with told as (
    update par.webhook_deliveries d
    set status = case when d.expires_at <= par.now() + %(wait_seconds)s * interval '1 second' then 'failed' else 'pending' end,
        next_attempt_at = par.now() + %(wait_seconds)s * interval '1 second', last_status_code = %(status_code)s,
        last_error = %(error)s, last_duration_ms = %(duration_ms)s
    where d.tenant_id = %(tenant_id)s and d.delivery_id = %(delivery_id)s and d.status = 'pending'
)
insert into par.webhook_circuits as c (tenant_id, webhook_id, endpoint, failures)
select %(tenant_id)s, w.webhook_id, %(endpoint)s, 1
from par.webhooks w where w.tenant_id = %(tenant_id)s and w.webhook_id = %(webhook_id)s
on conflict (tenant_id, webhook_id, endpoint) do update set failures = c.failures + 1
returning c.failures

-- name: block
-- Leave a receiver alone for a while.
update par.webhook_circuits c set blocked_until = par.now() + %(seconds)s * interval '1 second'
where c.tenant_id = %(tenant_id)s and c.webhook_id = %(webhook_id)s and c.endpoint = %(endpoint)s

-- name: give_up
-- Deliveries, of any tenant_id, whose day is over while their receiver was left alone or their webhook disabled.
update par.webhook_deliveries d
set status = 'failed', last_error = coalesce(d.last_error, 'the webhook was disabled or its receiver left alone for a day')
where (d.tenant_id, d.delivery_id) in (
    select p.tenant_id, p.delivery_id from par.webhook_deliveries p
    where p.status = 'pending' and p.expires_at < par.now() order by p.expires_at limit %(limit)s for update skip locked)

-- name: forget_old
-- The log of any tenant_id ends after some days.
delete from par.webhook_deliveries d
where (d.tenant_id, d.delivery_id) in (
    select p.tenant_id, p.delivery_id from par.webhook_deliveries p
    where p.status <> 'pending' and p.created_at < par.now() - %(days)s * interval '1 day'
    order by p.created_at limit %(limit)s for update skip locked)
