-- Put into the template of the tests' databases: makes one as its migrations left it, and tells when that cannot be.

create schema reuse;

-- What the migrations themselves put into tables.
do $$
declare
    found record;
    has_rows boolean;
begin
    for found in
        select c.oid::regclass as name, c.relname from pg_class c
        where c.relnamespace = 'par'::regnamespace and c.relkind = 'r'
    loop
        execute format('select exists (select from %s)', found.name) into has_rows;
        if has_rows then
            execute format('create table reuse.%I as table %s', found.relname, found.name);
        end if;
    end loop;
end
$$;

-- Each change of the schema that a test has made: rows are emptied again, other things are not.
create table public.schema_changes (tag text not null);

create function reuse.note_change() returns event_trigger language plpgsql security definer as $$
begin
    insert into public.schema_changes values (tg_tag);
end
$$;

-- False when a test has changed the schema. Rules and triggers of the tables rest while it works.
create function reuse.empty() returns boolean language plpgsql as $$
declare
    used text;
    found record;
begin
    if exists (select from public.schema_changes) then
        return false;
    end if;
    set local session_replication_role = 'replica';
    -- A table that has held a row is no longer empty on disk.
    select string_agg(c.oid::regclass::text, ', ') into used from pg_class c
    where c.relnamespace = 'par'::regnamespace and c.relkind = 'r' and pg_relation_size(c.oid) > 0
        and not exists (
            select from pg_class kept where kept.relnamespace = 'reuse'::regnamespace and kept.relname = c.relname);
    if used is not null then
        execute 'truncate ' || used || ' restart identity cascade';
    end if;
    for found in select relname from pg_class where relnamespace = 'reuse'::regnamespace and relkind = 'r' loop
        execute format('delete from par.%I', found.relname);
        execute format('insert into par.%I table reuse.%I', found.relname, found.relname);
    end loop;
    perform setval(s.seqrelid, s.seqstart, false) from pg_sequence s
        join pg_class c on c.oid = s.seqrelid
    where c.relnamespace = 'par'::regnamespace;
    return true;
end
$$;

create event trigger note_change on ddl_command_end execute function reuse.note_change();
