-- name: list_models
-- A page of the registry, by provider and id.
select m.provider, m.model_id, m.display_name, m.is_active, m.context_window, m.max_output_tokens, m.input_price, m.output_price,
    m.cache_read_price, m.cache_write_price, m.price_source
from par.models m
where (%(provider)s::text is null or m.provider = %(provider)s)
  and (%(is_active)s::boolean is null or m.is_active = %(is_active)s)
  and (%(after_provider)s::text is null or (m.provider, m.model_id) > (%(after_provider)s::text, %(after_id)s::text))
order by m.provider, m.model_id limit %(limit)s

-- name: get_model
-- One model.
select m.provider, m.model_id, m.display_name, m.is_active, m.context_window, m.max_output_tokens, m.input_price, m.output_price,
    m.cache_read_price, m.cache_write_price, m.price_source
from par.models m where m.provider = %(provider)s and m.model_id = %(model_id)s

-- name: lock_model
-- One model with the names of what was set by hand, locked against other writers.
select m.provider, m.model_id, m.display_name, m.is_active, m.context_window, m.max_output_tokens, m.input_price, m.output_price,
    m.cache_read_price, m.cache_write_price, m.price_source, m.set_by_hand
from par.models m where m.provider = %(provider)s and m.model_id = %(model_id)s for no key update

-- name: known
-- Whether a model is in the registry, and whether anything is known of its provider's models at all.
select exists (select from par.models m where m.provider = %(provider)s and m.model_id = %(model_id)s) as model_known,
    exists (select from par.models m where m.provider = %(provider)s) as provider_known

-- name: insert_model
-- A model set by hand; no row when it is there already.
insert into par.models (provider, model_id, display_name, is_active, context_window, max_output_tokens, input_price, output_price,
    cache_read_price, cache_write_price, price_source, set_by_hand)
values (%(provider)s, %(model_id)s, %(display_name)s, %(is_active)s, %(context_window)s, %(max_output_tokens)s, %(input_price)s,
    %(output_price)s, %(cache_read_price)s, %(cache_write_price)s, %(price_source)s, %(set_by_hand)s)
on conflict (provider, model_id) do nothing
returning model_id

-- name: update_model
-- New values of a model.
update par.models
set display_name = %(display_name)s, is_active = %(is_active)s, context_window = %(context_window)s,
    max_output_tokens = %(max_output_tokens)s, input_price = %(input_price)s, output_price = %(output_price)s,
    cache_read_price = %(cache_read_price)s, cache_write_price = %(cache_write_price)s, price_source = %(price_source)s,
    set_by_hand = %(set_by_hand)s, updated_at = par.now()
where provider = %(provider)s and model_id = %(model_id)s

-- name: delete_model
-- Forget a model.
delete from par.models where provider = %(provider)s and model_id = %(model_id)s returning model_id

-- name: upsert_models
-- What the catalog or a provider says of models. What was set by hand stays, each value by itself; a person's prices stay
-- all together, since half of them from elsewhere would be a price that nobody named.
insert into par.models as m (provider, model_id, display_name, is_active, context_window, max_output_tokens, input_price,
    output_price, cache_read_price, cache_write_price, price_source)
select r.provider, r.model_id, r.display_name, r.is_active, r.context_window, r.max_output_tokens, r.input_price, r.output_price,
    r.cache_read_price, r.cache_write_price, r.price_source
from jsonb_to_recordset(%(models)s::jsonb) as r(provider text, model_id text, display_name text, is_active boolean,
    context_window integer, max_output_tokens integer, input_price bigint, output_price bigint, cache_read_price bigint,
    cache_write_price bigint, price_source text)
order by r.provider, r.model_id
on conflict (provider, model_id) do update
set display_name = case when 'display_name' = any (m.set_by_hand) then m.display_name else excluded.display_name end,
    context_window = case when 'context_window' = any (m.set_by_hand) then m.context_window
        else coalesce(excluded.context_window, m.context_window) end,
    max_output_tokens = case when 'max_output_tokens' = any (m.set_by_hand) then m.max_output_tokens
        else coalesce(excluded.max_output_tokens, m.max_output_tokens) end,
    input_price = case when m.price_source = 'manual' then m.input_price else excluded.input_price end,
    output_price = case when m.price_source = 'manual' then m.output_price else excluded.output_price end,
    cache_read_price = case when m.price_source = 'manual' then m.cache_read_price else excluded.cache_read_price end,
    cache_write_price = case when m.price_source = 'manual' then m.cache_write_price else excluded.cache_write_price end,
    price_source = case when m.price_source = 'manual' then m.price_source else excluded.price_source end,
    updated_at = par.now()
where (m.display_name, m.context_window, m.max_output_tokens, m.input_price, m.output_price, m.cache_read_price,
        m.cache_write_price, m.price_source)
    is distinct from (excluded.display_name, coalesce(excluded.context_window, m.context_window),
        coalesce(excluded.max_output_tokens, m.max_output_tokens), excluded.input_price, excluded.output_price,
        excluded.cache_read_price, excluded.cache_write_price, excluded.price_source)

-- name: asked_lately
-- Whether every one of some providers was asked for its models within the last day; one that did not answer, within the last hour.
select not exists (
    select from unnest(%(providers)s::text[]) as n(provider)
    left join par.providers p on p.provider = n.provider
    where p.discovered_at is null or p.discovered_at < par.now() - interval '1 day'
       or (p.status <> 'configured' and p.discovered_at < par.now() - interval '1 hour')) as lately

-- name: upsert_provider
-- How asking a provider for its models went.
insert into par.providers (provider, base_url, status, last_error, discovered_at)
values (%(provider)s, %(base_url)s, %(status)s, %(last_error)s, par.now())
on conflict (provider) do update set base_url = excluded.base_url, status = excluded.status, last_error = excluded.last_error,
    discovered_at = excluded.discovered_at

-- name: try_lock
-- The right to fill the registry, for this transaction: one process at a time.
select pg_try_advisory_xact_lock(7235102) as locked
