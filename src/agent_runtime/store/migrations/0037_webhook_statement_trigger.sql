-- The outbox looks once per statement and not once per event: a flush or a claim tells of many tasks at once.

create function par.tell_webhooks_of_all() returns trigger language plpgsql as $$
begin
    if not exists (select from par.webhooks w) then
        return null;
    end if;
    insert into par.webhook_deliveries (tenant_id, webhook_id, endpoint, url, task_id, agent_id, event_type, task_status,
        sequence, occurred_at, next_attempt_at, expires_at, created_at)
    select e.tenant_id, w.webhook_id, coalesce(substring(t.callback_url from '^[^:]+://[^/?#]+'), ''), t.callback_url,
        e.task_id, e.agent_id, e.event_type, e.status_after, e.sequence, e.created_at, par.now(),
        par.now() + interval '1 day', par.now()
    from told e
    join par.webhooks w on w.tenant_id = e.tenant_id and w.status = 'active' and e.event_type = any (w.events)
      and (w.agent_id is null or w.agent_id = e.agent_id)
    left join par.tasks t on w.kind = 'callback' and t.tenant_id = e.tenant_id and t.task_id = e.task_id
    where e.kind = 'event' and (w.kind = 'endpoint' or t.callback_url is not null);
    return null;
end
$$;
drop trigger tell_webhooks on par.events;
create trigger tell_webhooks after insert on par.events referencing new table as told for each statement
    execute function par.tell_webhooks_of_all();
drop function par.tell_webhooks();
