-- name: take
-- Take a key for the action of this transaction; waits for a concurrent holder. No row when the key is already used.
insert into par.idempotency_keys as k (tenant_id, idempotency_key, request_hash)
values (%(tenant_id)s, %(idempotency_key)s, %(request_hash)s)
on conflict (tenant_id, idempotency_key) do update
set request_hash = excluded.request_hash, status_code = null, response = null, created_at = excluded.created_at
where k.created_at < par.now() - interval '24 hours'
returning k.idempotency_key

-- name: keep
-- The answer of the action that took the key, in the same transaction.
update par.idempotency_keys set status_code = %(status_code)s, response = %(response)s::json
where tenant_id = %(tenant_id)s and idempotency_key = %(idempotency_key)s

-- name: read
-- The first answer given under a key, for as long as keys are kept; after that the key may be taken anew.
select request_hash, status_code, response from par.idempotency_keys
where tenant_id = %(tenant_id)s and idempotency_key = %(idempotency_key)s and created_at >= par.now() - interval '24 hours'
