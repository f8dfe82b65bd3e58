-- name: list_events
-- A page of a task's lifecycle history, oldest first. The id of an event is made from its task and place, so it is stable.
select md5(e.task_id || '/' || e.sequence)::uuid as event_id, e.sequence, e.task_id, e.agent_id, e.event_type, e.status_before,
    e.status_after, e.worker_id, e.error_code, e.error_message, e.details, e.created_at
from par.events e
where e.tenant_id = %(tenant_id)s and e.task_id = %(task_id)s and e.sequence > %(after)s and e.kind = 'event'
order by e.sequence limit %(limit)s

-- name: list_activity
-- A page of a task's timeline, oldest first, with the stored message that a turn refers to.
select md5(e.task_id || '/' || e.sequence)::uuid as event_id, e.*, m.body
from par.events e
left join par.messages m on m.tenant_id = e.tenant_id and m.task_id = e.task_id and m.namespace = e.message_namespace
    and m.sequence = e.message_sequence
where e.tenant_id = %(tenant_id)s and e.task_id = %(task_id)s and e.sequence > %(after)s
order by e.sequence limit %(limit)s

-- name: news
-- What happened to watched tasks after what each watcher has seen, and whether a task has ended with nothing left to tell.
select w.place::integer as place, t.status, t.last_sequence, page.event_id, page.sequence, page.kind, page.task_id, page.agent_id,
    page.event_type, page.status_before, page.status_after, page.worker_id, page.error_code, page.error_message, page.details,
    page.tool_call_id, page.tool_name, page.is_error, page.input_tokens, page.output_tokens, page.cost_microdollars,
    page.duration_ms, page.created_at, page.body
from unnest(%(task_ids)s::uuid[], %(seen)s::bigint[]) with ordinality as w(task_id, seen, place)
join par.tasks t on t.tenant_id = %(tenant_id)s and t.task_id = w.task_id
left join lateral (
    select md5(e.task_id || '/' || e.sequence)::uuid as event_id, e.*, m.body
    from par.events e
    left join par.messages m on m.tenant_id = e.tenant_id and m.task_id = e.task_id and m.namespace = e.message_namespace
        and m.sequence = e.message_sequence
    where e.tenant_id = t.tenant_id and e.task_id = t.task_id and e.sequence > w.seen
    order by e.sequence limit %(limit)s) page on true
order by w.place, page.sequence

-- name: listen
-- Say that somebody listens to the tokens of these tasks, for some seconds from now.
insert into par.token_listeners (tenant_id, task_id, listener_id, expires_at)
select %(tenant_id)s, task_id, %(listener_id)s, par.now() + make_interval(secs => %(seconds)s)
from (select distinct unnest(%(task_ids)s::uuid[]) as task_id order by 1) watched
on conflict (tenant_id, task_id, listener_id) do update set expires_at = excluded.expires_at

-- name: stop_listening
-- Take back what `listen` said, for tasks that nobody watches any more.
delete from par.token_listeners
where tenant_id = %(tenant_id)s and listener_id = %(listener_id)s
  and (task_id = any (%(task_ids)s::uuid[]) or expires_at < par.now())

-- name: newest_chunk
-- Where live tokens stand now: a new listener begins after this.
select coalesce(max(c.chunk_id), 0) as chunk_id from par.token_chunks c where c.tenant_id = %(tenant_id)s

-- name: tokens
-- Live tokens of watched tasks after a place.
select c.chunk_id, c.task_id, c.attempt, c.text from par.token_chunks c
where c.tenant_id = %(tenant_id)s and c.task_id = any (%(task_ids)s::uuid[]) and c.chunk_id > %(after)s
order by c.chunk_id limit 2000
