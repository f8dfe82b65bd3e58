-- Forks, steps that recovery saved, and which values of the model registry a person set.

-- A fork that changes its agent's configuration carries its own; else the version it was submitted under holds.
alter table par.tasks add column own_config jsonb, add column asks_before_unsafe boolean not null default false;

-- Whether a checkpointed call was counted as saved by a crash or a redrive: each call counts once.
alter table par.ledger add column saved boolean not null default false;

-- Names of the columns that were set by hand, which discovery leaves alone.
alter table par.models add column set_by_hand text[] not null default '{}';
update par.models
set set_by_hand = array_remove(array[
    'display_name',
    case when context_window is not null then 'context_window' end,
    case when max_output_tokens is not null then 'max_output_tokens' end,
    case when input_price is not null then 'input_price' end,
    case when output_price is not null then 'output_price' end,
    case when cache_read_price is not null then 'cache_read_price' end,
    case when cache_write_price is not null then 'cache_write_price' end], null)
where price_source = 'manual';
