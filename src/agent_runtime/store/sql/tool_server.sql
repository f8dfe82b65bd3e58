-- name: insert_server
-- A tool server; no row when its name is taken.
insert into par.tool_servers (tenant_id, server_id, name, url, auth_type, auth_token_set, headers, timeout_seconds, status)
values (%(tenant_id)s, %(server_id)s, %(name)s, %(url)s, %(auth_type)s, %(auth_token_set)s, %(headers)s::jsonb, %(timeout_seconds)s,
    %(status)s)
on conflict (tenant_id, name) do nothing
returning server_id

-- name: get_server
-- One tool server; its token stays where it is.
select s.server_id, s.name, s.url, s.auth_type, s.auth_token_set, s.headers, s.timeout_seconds,
    s.status, s.pinned_at, s.created_at, s.updated_at
from par.tool_servers s where s.tenant_id = %(tenant_id)s and s.server_id = %(server_id)s

-- name: lock_server
-- The same, locked against other writers until the transaction ends.
select s.server_id, s.name, s.url, s.auth_type, s.auth_token_set, s.headers, s.timeout_seconds,
    s.status, s.pinned_at, s.created_at, s.updated_at
from par.tool_servers s where s.tenant_id = %(tenant_id)s and s.server_id = %(server_id)s
for no key update of s

-- name: list_servers
-- A page of tool servers, by age.
select s.server_id, s.name, s.url, s.auth_type, s.auth_token_set, s.headers, s.timeout_seconds,
    s.status, s.pinned_at, s.created_at, s.updated_at
from par.tool_servers s
where s.tenant_id = %(tenant_id)s
  and (%(after_time)s::timestamptz is null or (s.created_at, s.server_id) > (%(after_time)s::timestamptz, %(after_id)s::uuid))
order by s.created_at, s.server_id limit %(limit)s

-- name: update_server
-- New values of a locked server.
update par.tool_servers
set name = %(name)s, url = %(url)s, auth_type = %(auth_type)s, headers = %(headers)s::jsonb, timeout_seconds = %(timeout_seconds)s,
    status = %(status)s, auth_token_set = %(auth_token_set)s, updated_at = par.now()
where tenant_id = %(tenant_id)s and server_id = %(server_id)s

-- name: delete_server
-- Forget a server and its tools.
delete from par.tool_servers where tenant_id = %(tenant_id)s and server_id = %(server_id)s
returning server_id, name, url, auth_type, headers, timeout_seconds, status

-- name: agents_using
-- Agents that take tasks and whose configuration names a server.
select a.agent_id from par.agents a
join par.agent_versions v on v.tenant_id = a.tenant_id and v.agent_id = a.agent_id and v.config_version = a.config_version
where a.tenant_id = %(tenant_id)s and a.status = 'active' and v.agent_config -> 'tool_servers' @> %(names)s::jsonb
order by a.agent_id limit 100

-- name: tools_of
-- The tools of servers, in the order in which each server lists them.
select t.server_id, t.name, t.pinned, t.pinned_hash, t.seen, t.seen_hash
from par.tool_server_tools t
where t.tenant_id = %(tenant_id)s and t.server_id = any(%(server_ids)s::uuid[])
order by t.server_id, t.place, t.name

-- name: servers_named
-- The servers of these names, with how many tools an agent gets from each.
select s.name, (select count(*) from par.tool_server_tools t
        where t.tenant_id = s.tenant_id and t.server_id = s.server_id and t.pinned_hash is not null) as tools
from par.tool_servers s where s.tenant_id = %(tenant_id)s and s.name = any(%(names)s::text[])

-- name: connections_named
-- What a worker needs to reach the servers of these names.
select s.server_id, s.name, s.url, s.auth_type, s.auth_token_set, s.headers, s.timeout_seconds, s.status, s.pinned_at
from par.tool_servers s where s.tenant_id = %(tenant_id)s and s.name = any(%(names)s::text[])

-- name: connection_of
-- What is needed to reach one server.
select s.server_id, s.name, s.url, s.auth_type, s.auth_token_set, s.headers, s.timeout_seconds, s.status, s.pinned_at
from par.tool_servers s where s.tenant_id = %(tenant_id)s and s.server_id = %(server_id)s

-- name: pin_first
-- The right to approve all tools of a server at once, which one caller gets, once.
update par.tool_servers set pinned_at = par.now()
where tenant_id = %(tenant_id)s and server_id = %(server_id)s and pinned_at is null
returning server_id

-- name: lock_tools
-- The server, so that lists seen at the same time are written one after the other. No row when it is gone.
select s.server_id from par.tool_servers s where s.tenant_id = %(tenant_id)s and s.server_id = %(server_id)s
for no key update of s

-- name: record_seen
-- What a server lists now; `pinned` says that all of it is thereby approved.
insert into par.tool_server_tools as t (tenant_id, server_id, name, place, pinned, pinned_hash, seen, seen_hash)
select %(tenant_id)s, %(server_id)s, r.name, r.place, case when %(pinned)s::boolean then r.definition end,
    case when %(pinned)s::boolean then r.hash end, r.definition, r.hash
from jsonb_to_recordset(%(tools)s::jsonb) as r(name text, place integer, definition jsonb, hash text)
on conflict (tenant_id, server_id, name) do update
set place = excluded.place, seen = excluded.seen, seen_hash = excluded.seen_hash,
    pinned = coalesce(excluded.pinned, t.pinned), pinned_hash = coalesce(excluded.pinned_hash, t.pinned_hash)

-- name: record_gone
-- A tool that the server lists no more: what was approved stays approved, what was only new is forgotten.
with unknown as (
    delete from par.tool_server_tools
    where tenant_id = %(tenant_id)s and server_id = %(server_id)s and name <> all(%(names)s::text[]) and pinned_hash is null
)
update par.tool_server_tools set seen = null, seen_hash = null
where tenant_id = %(tenant_id)s and server_id = %(server_id)s and name <> all(%(names)s::text[]) and pinned_hash is not null

-- name: approve_tools
-- Tools as they were last seen become what is approved.
update par.tool_server_tools set pinned = seen, pinned_hash = seen_hash
where tenant_id = %(tenant_id)s and server_id = %(server_id)s and name = any(%(names)s::text[]) and seen_hash is not null

-- name: touch_server
-- A change of its tools is a change of the server.
update par.tool_servers set updated_at = par.now() where tenant_id = %(tenant_id)s and server_id = %(server_id)s
