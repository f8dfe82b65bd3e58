-- name: record
-- One thing that was done, in the transaction that did it.
insert into par.audit_log
    (tenant_id, audit_id, actor, action, object_kind, object_id, address, request_id, before, after)
values (%(tenant_id)s, %(audit_id)s, %(actor)s, %(action)s, %(object_kind)s, %(object_id)s, %(address)s, %(request_id)s,
    %(before)s::json, %(after)s::json)

-- name: page
-- What was done in a tenant, the newest first.
select a.audit_id, a.actor, a.action, a.object_kind, a.object_id, a.address, a.request_id, a.before, a.after, a.created_at
from par.audit_log a
where a.tenant_id = %(tenant_id)s
  and a.audit_id < %(before_id)s::uuid and a.audit_id >= %(from_id)s::uuid
  and (%(actor)s::text is null or a.actor = %(actor)s)
  and (%(action)s::text is null or a.action = %(action)s)
  and (%(object_kind)s::text is null or a.object_kind = %(object_kind)s)
  and (%(object_id)s::text is null or a.object_id = %(object_id)s)
order by a.audit_id desc limit %(limit)s
