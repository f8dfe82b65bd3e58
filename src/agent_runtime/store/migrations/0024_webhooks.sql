-- Signed notifications: who wants to hear of what, and an outbox that is written in the transaction of each event.

create table par.webhooks (
    tenant_id text not null references par.tenants,
    webhook_id uuid not null,
    kind text not null check (kind in ('endpoint', 'callback')),
    url text check ((kind = 'endpoint') = (url is not null)),
    agent_id text,
    events text[] not null check (cardinality(events) between 1 and 64),
    status text not null default 'active' check (status in ('active', 'disabled')),
    previous_secret_until timestamptz,
    created_at timestamptz not null default par.now(),
    updated_at timestamptz not null default par.now(),
    primary key (tenant_id, webhook_id)
);
comment on column par.webhooks.kind is 'callback: the one webhook of a tenant that serves the callback_url of its tasks';
call par.protect('webhooks');
create unique index webhooks_one_for_callbacks on par.webhooks (tenant_id) where kind = 'callback';
create index webhooks_by_age on par.webhooks (tenant_id, created_at, webhook_id);

alter table par.tasks add column callback_url text;

-- No foreign key to the webhook: its check would lock the webhook's row once for every event of every task.
create table par.webhook_deliveries (
    tenant_id text not null,
    delivery_id uuid not null default gen_random_uuid(),
    webhook_id uuid not null,
    endpoint text not null,
    url text,
    task_id uuid not null,
    agent_id text not null,
    event_type text not null,
    task_status text,
    sequence bigint not null,
    occurred_at timestamptz not null,
    status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    expires_at timestamptz not null,
    last_status_code integer,
    last_error text,
    last_duration_ms integer,
    created_at timestamptz not null,
    delivered_at timestamptz,
    primary key (tenant_id, delivery_id)
);
comment on column par.webhook_deliveries.endpoint is 'what fails together: empty for a webhook, the origin of the URL for a callback';
call par.protect('webhook_deliveries');
create index webhook_deliveries_due on par.webhook_deliveries (tenant_id, webhook_id, endpoint, next_attempt_at)
    where status = 'pending';
create index webhook_deliveries_expiring on par.webhook_deliveries (expires_at) where status = 'pending';
create index webhook_deliveries_done on par.webhook_deliveries (created_at) where status <> 'pending';
create index webhook_deliveries_by_age on par.webhook_deliveries (tenant_id, webhook_id, created_at, delivery_id);

create table par.webhook_circuits (
    tenant_id text not null,
    webhook_id uuid not null,
    endpoint text not null,
    failures integer not null,
    blocked_until timestamptz,
    primary key (tenant_id, webhook_id, endpoint)
);
comment on table par.webhook_circuits is 'receivers that failed several times in a row: they are left alone for a while';
call par.protect('webhook_circuits');

-- The outbox is a trigger, so that no statement that tells of a task can forget it, today's or a later one's.
create function par.tell_webhooks() returns trigger language plpgsql as $$
begin
    insert into par.webhook_deliveries (tenant_id, webhook_id, endpoint, url, task_id, agent_id, event_type, task_status,
        sequence, occurred_at, next_attempt_at, expires_at, created_at)
    select new.tenant_id, w.webhook_id, coalesce(substring(t.callback_url from '^[^:]+://[^/?#]+'), ''), t.callback_url,
        new.task_id, new.agent_id, new.event_type, new.status_after, new.sequence, new.created_at, par.now(),
        par.now() + interval '1 day', par.now()
    from par.webhooks w
    left join par.tasks t on w.kind = 'callback' and t.tenant_id = new.tenant_id and t.task_id = new.task_id
    where w.tenant_id = new.tenant_id and w.status = 'active' and new.event_type = any (w.events)
      and (w.agent_id is null or w.agent_id = new.agent_id)
      and (w.kind = 'endpoint' or t.callback_url is not null);
    return null;
end
$$;
create trigger tell_webhooks after insert on par.events for each row when (new.kind = 'event')
    execute function par.tell_webhooks();
