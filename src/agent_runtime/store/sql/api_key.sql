-- name: find
-- The key that a request names, before its tenant is known; `seconds_left` until it expires, null for never.
select k.tenant_id, k.key_id, k.name, k.scopes, k.roles, k.secret_hash,
    case when k.previous_until > par.now() then k.previous_hash end as previous_hash,
    extract(epoch from k.expires_at - par.now())::float8 as seconds_left,
    extract(epoch from k.previous_until - par.now())::float8 as previous_seconds_left
from par.api_keys k
where k.key_id = %(key_id)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > par.now())

-- name: tenant_of
-- Whose a key is, for the operator.
select k.tenant_id from par.api_keys k where k.key_id = %(key_id)s

-- name: any_live
-- Whether any key of any tenant would be let in now.
select exists (select from par.api_keys k
    where k.revoked_at is null and (k.expires_at is null or k.expires_at > par.now())) as found

-- name: insert
-- A new key; no row when it would have expired already.
insert into par.api_keys (tenant_id, key_id, name, secret_hash, scopes, roles, created_by, expires_at)
select %(tenant_id)s, %(key_id)s, %(name)s, %(secret_hash)s, %(scopes)s::text[], %(roles)s::text[], %(created_by)s,
    %(expires_at)s::timestamptz
where %(expires_at)s::timestamptz is null or %(expires_at)s::timestamptz > par.now()
returning key_id

-- name: rotate
-- A new secret for a key that lives; the old one is taken for a while.
update par.api_keys
set previous_hash = secret_hash, previous_until = par.now() + %(grace_seconds)s * interval '1 second',
    secret_hash = %(secret_hash)s, rotated_at = par.now()
where tenant_id = %(tenant_id)s and key_id = %(key_id)s

-- name: revoke
-- End a key with both its secrets. Ending it again changes nothing.
update par.api_keys set revoked_at = par.now(), previous_hash = null, previous_until = null
where tenant_id = %(tenant_id)s and key_id = %(key_id)s and revoked_at is null
returning key_id

-- name: get
-- One key, without its hashes, locked so that its state holds.
select k.key_id, k.tenant_id, k.name, k.scopes, k.roles, k.created_by, k.created_at, k.expires_at, k.rotated_at,
    k.revoked_at, k.last_used_at, k.previous_until as previous_key_valid_until,
    case when k.revoked_at is not null then 'revoked' when k.expires_at <= par.now() then 'expired' else 'active' end
        as status
from par.api_keys k where k.tenant_id = %(tenant_id)s and k.key_id = %(key_id)s
for no key update

-- name: page
-- A page of a tenant's keys, by age.
select k.key_id, k.tenant_id, k.name, k.scopes, k.roles, k.created_by, k.created_at, k.expires_at, k.rotated_at,
    k.revoked_at, k.last_used_at, k.previous_until as previous_key_valid_until,
    case when k.revoked_at is not null then 'revoked' when k.expires_at <= par.now() then 'expired' else 'active' end
        as status
from par.api_keys k
where k.tenant_id = %(tenant_id)s
  and (%(after_time)s::timestamptz is null or (k.created_at, k.key_id) > (%(after_time)s::timestamptz, %(after_id)s::text))
order by k.created_at, k.key_id limit %(limit)s

-- name: touch
-- Note that keys were used.
update par.api_keys set last_used_at = par.now()
where tenant_id = %(tenant_id)s and key_id = any (%(key_ids)s::text[])
