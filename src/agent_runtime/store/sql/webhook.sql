-- name: insert_webhook
-- A new webhook; no row when it names an agent that is not there.
insert into par.webhooks (tenant_id, webhook_id, kind, url, agent_id, events)
select %(tenant_id)s, %(webhook_id)s, 'endpoint', %(url)s, %(agent_id)s, %(events)s
where %(agent_id)s::text is null
   or exists (select from par.agents a where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s)
returning webhook_id, kind, url, agent_id, events, status, previous_secret_until, created_at, updated_at

-- name: insert_for_callbacks
-- The webhook that serves the callbacks of a tenant's tasks; no row when there is one.
insert into par.webhooks (tenant_id, webhook_id, kind, events)
values (%(tenant_id)s, %(webhook_id)s, 'callback', %(events)s)
on conflict (tenant_id) where kind = 'callback' do nothing
returning webhook_id

-- name: has_for_callbacks
-- Whether a tenant has a webhook for callbacks.
select exists (select from par.webhooks w where w.tenant_id = %(tenant_id)s and w.kind = 'callback') as found

-- name: list_webhooks
-- A page of a tenant's webhooks, oldest first.
select w.webhook_id, w.kind, w.url, w.agent_id, w.events, w.status, w.previous_secret_until, w.created_at, w.updated_at
from par.webhooks w
where w.tenant_id = %(tenant_id)s
  and (%(after_time)s::timestamptz is null or (w.created_at, w.webhook_id) > (%(after_time)s::timestamptz, %(after_id)s::uuid))
order by w.created_at, w.webhook_id limit %(limit)s

-- name: get_webhook
-- One webhook.
select w.webhook_id, w.kind, w.url, w.agent_id, w.events, w.status, w.previous_secret_until, w.created_at, w.updated_at
from par.webhooks w where w.tenant_id = %(tenant_id)s and w.webhook_id = %(webhook_id)s

-- name: lock_webhook
-- One webhook, until the transaction ends.
select w.webhook_id, w.kind, w.url, w.agent_id, w.events, w.status, w.previous_secret_until, w.created_at, w.updated_at
from par.webhooks w where w.tenant_id = %(tenant_id)s and w.webhook_id = %(webhook_id)s for no key update

-- name: update_webhook
-- New values of a webhook; no row when it names an agent that is not there.
update par.webhooks w
set url = %(url)s, agent_id = %(agent_id)s, events = %(events)s, status = %(status)s, updated_at = par.now()
where w.tenant_id = %(tenant_id)s and w.webhook_id = %(webhook_id)s
  and (%(agent_id)s::text is null
    or exists (select from par.agents a where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s))
returning w.webhook_id, w.kind, w.url, w.agent_id, w.events, w.status, w.previous_secret_until, w.created_at, w.updated_at

-- name: keep_previous_secret
-- Until when the secret before the newest one signs as well.
update par.webhooks w
set previous_secret_until = par.now() + %(seconds)s * interval '1 second', updated_at = par.now()
where w.tenant_id = %(tenant_id)s and w.webhook_id = %(webhook_id)s
returning w.webhook_id, w.kind, w.url, w.agent_id, w.events, w.status, w.previous_secret_until, w.created_at, w.updated_at

-- name: delete_webhook
-- A webhook with its log; what is under way to it ends without a trace.
with gone as (
    delete from par.webhooks w where w.tenant_id = %(tenant_id)s and w.webhook_id = %(webhook_id)s returning w.webhook_id
),
log as (
    delete from par.webhook_deliveries d using gone
    where d.tenant_id = %(tenant_id)s and d.webhook_id = gone.webhook_id
),
circuit as (
    delete from par.webhook_circuits c using gone
    where c.tenant_id = %(tenant_id)s and c.webhook_id = gone.webhook_id
)
select webhook_id from gone
