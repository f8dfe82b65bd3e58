-- name: version
-- The version that a secret has, locked against another writer.
select s.version from par.secrets s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s and s.owner_id = %(owner_id)s and s.name = %(name)s
for update

-- name: put
-- Write a sealed secret; no row when another writer was first.
insert into par.secrets as s (tenant_id, owner_kind, owner_id, name, version, ciphertext, last4)
values (%(tenant_id)s, %(owner_kind)s, %(owner_id)s, %(name)s, %(version)s, %(ciphertext)s, %(last4)s)
on conflict (tenant_id, owner_kind, owner_id, name) do update
set version = excluded.version, ciphertext = excluded.ciphertext, last4 = excluded.last4, updated_at = par.now()
where s.version < excluded.version
returning s.version

-- name: read
-- One sealed secret.
select s.name, s.version, s.ciphertext from par.secrets s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s and s.owner_id = %(owner_id)s and s.name = %(name)s

-- name: of_owner
-- All sealed secrets of one owner.
select s.name, s.version, s.ciphertext, s.last4, s.updated_at from par.secrets s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s and s.owner_id = %(owner_id)s
order by s.name

-- name: of_kind
-- All sealed secrets of one kind of owner.
select s.owner_id, s.name, s.version, s.ciphertext, s.last4, s.updated_at from par.secrets s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s
order by s.owner_id, s.name

-- name: forget
-- Delete all secrets of one owner.
delete from par.secrets s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s and s.owner_id = %(owner_id)s
returning s.name

-- name: forget_one
-- Delete one secret of an owner.
delete from par.secrets s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s and s.owner_id = %(owner_id)s and s.name = %(name)s
returning s.name

-- name: any
-- Whether a secret of any tenant is kept beside the proof of the master key.
select exists (select from par.secrets s where s.tenant_id >= '' and s.owner_kind <> 'master_key') as found

-- name: page_of_all
-- A page of all sealed secrets of all tenants, locked, for another master key.
select s.tenant_id, s.owner_kind, s.owner_id, s.name, s.version, s.ciphertext from par.secrets s
where (s.tenant_id, s.owner_kind, s.owner_id, s.name)
    > (%(tenant_id)s::text, %(owner_kind)s::text, %(owner_id)s::text, %(name)s::text)
order by s.tenant_id, s.owner_kind, s.owner_id, s.name limit %(limit)s for update

-- name: reseal
-- The same secret under another master key.
update par.secrets s set ciphertext = %(ciphertext)s
where s.tenant_id = %(tenant_id)s and s.owner_kind = %(owner_kind)s and s.owner_id = %(owner_id)s and s.name = %(name)s
