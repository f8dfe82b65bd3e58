-- The operator's registry of providers and models, the same for all tenants, so without tenant_id. Prices are
-- microdollars per million tokens; null is unknown.

create table par.providers (
    provider text primary key,
    base_url text,
    status text not null default 'configured' check (status in ('configured', 'unreachable')),
    last_error text,
    discovered_at timestamptz
);

create table par.models (
    provider text not null,
    model_id text not null,
    display_name text not null,
    is_active boolean not null default true,
    context_window integer,
    max_output_tokens integer,
    input_price bigint,
    output_price bigint,
    cache_read_price bigint,
    cache_write_price bigint,
    price_source text not null default 'unknown' check (price_source in ('catalog', 'manual', 'unknown')),
    updated_at timestamptz not null default par.now(),
    primary key (provider, model_id)
);
grant select, insert, update, delete on par.providers, par.models to par_api, par_worker;
