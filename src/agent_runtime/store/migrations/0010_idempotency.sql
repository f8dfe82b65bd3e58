-- The first answer of each Idempotency-Key, kept for a day. The row is written in the transaction of what it guards, so
-- a concurrent duplicate waits on the unique key for the first one's commit.

create table par.idempotency_keys (
    tenant_id text not null,
    idempotency_key text not null,
    request_hash bytea not null,
    status_code smallint,
    response json,
    created_at timestamptz not null default par.now(),
    primary key (tenant_id, idempotency_key)
);
call par.protect('idempotency_keys');
create index idempotency_keys_by_age on par.idempotency_keys (created_at);
