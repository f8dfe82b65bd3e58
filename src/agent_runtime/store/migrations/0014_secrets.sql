-- Secrets that the system must be able to use again, sealed by the application; nothing here is readable without its key.

create table par.secrets (
    tenant_id text not null,
    owner_kind text not null check (length(owner_kind) between 1 and 64),
    owner_id text not null check (length(owner_id) between 1 and 200),
    name text not null check (length(name) between 1 and 64),
    version integer not null check (version > 0),
    ciphertext bytea not null,
    last4 text not null default '' check (length(last4) <= 4),
    created_at timestamptz not null default par.now(),
    updated_at timestamptz not null default par.now(),
    primary key (tenant_id, owner_kind, owner_id, name)
);
comment on table par.secrets is
    'tenant ~operator holds what belongs to the whole system: keys of model providers, and the proof of the master key';
call par.protect('secrets');
