-- Roles, the clock, the tenant of a transaction, and the one way to put a table under row-level security.

do $$
begin
    perform pg_advisory_xact_lock(7235101);
    if not exists (select from pg_roles where rolname = 'par_api') then
        create role par_api nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'par_worker') then
        create role par_worker nologin;
    end if;
    execute format('grant par_api, par_worker to %I', current_user);
end
$$;

alter role par_api set statement_timeout = '15s';
alter role par_api set lock_timeout = '5s';
alter role par_api set idle_in_transaction_session_timeout = '10s';
alter role par_worker set statement_timeout = '30s';
alter role par_worker set lock_timeout = '5s';
alter role par_worker set idle_in_transaction_session_timeout = '10s';

grant usage on schema par to par_api, par_worker;

-- The only clock of the system. A test moves it with the setting par.clock_offset.
create function par.now() returns timestamptz language sql stable as $$
    select statement_timestamp() + coalesce(nullif(current_setting('par.clock_offset', true), ''), '0')::interval
$$;

create function par.current_tenant() returns text language sql stable as $$
    select current_setting('par.tenant', true)
$$;

-- Workers serve all tenants and name the tenant in every statement; the API sees the tenant of its transaction only.
create procedure par.protect(table_name text) language plpgsql as $$
begin
    execute format('alter table par.%I enable row level security', table_name);
    execute format('alter table par.%I force row level security', table_name);
    execute format('create policy worker on par.%I to par_worker using (true) with check (true)', table_name);
    execute format(
        'create policy tenant on par.%I to par_api using (tenant_id = par.current_tenant())'
        ' with check (tenant_id = par.current_tenant())', table_name);
    execute format('grant select, insert, update, delete on par.%I to par_api, par_worker', table_name);
end
$$;

create table par.tenants (
    tenant_id text primary key check (length(tenant_id) between 1 and 64),
    display_name text not null,
    created_at timestamptz not null default par.now()
);
call par.protect('tenants');

insert into par.tenants (tenant_id, display_name) values ('default', 'Default');
