-- name: flush
-- Write what many tasks of a worker have ready, each under its own fence: checkpoints, messages, channels, pending writes,
-- ledger, events and counters. Gives a row per unit whose attempt is live; a unit without a row wrote nothing but its ledger.
with unit as materialized (
    select * from unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[], %(attempts)s::int[], %(flush_numbers)s::int[], %(event_counts)s::int[],
        %(checkpoint_counts)s::int[], %(step_counts)s::int[], %(unit_input_tokens)s::int[], %(unit_output_tokens)s::int[],
        %(unit_costs)s::bigint[], %(finishes)s::bool[], %(settles)s::bool[], %(reserved_calls)s::uuid[], %(reserved_amounts)s::bigint[],
        %(reserved_providers)s::text[], %(reserved_models)s::text[])
    with ordinality as u(tenant_id, task_id, attempt, flush_number, event_count, checkpoint_count, step_count, input_tokens, output_tokens,
        cost, finishes, settles, reserved_call, reserved_amount, reserved_provider, reserved_model, ordinal)
),
live as materialized (
    -- One look by key per unit. The guard is written so that the index of all live attempts does not offer itself.
    select u.*
    from unit u
    -- A unit that ends its attempt locks its task first, as everybody does who locks both.
    left join lateral (
        select true as held from par.tasks t
        where u.finishes and t.tenant_id = u.tenant_id and t.task_id = u.task_id limit 1 for no key update) t on true
    cross join lateral (
        select from par.attempts k
        where (not u.finishes or t.held) and k.tenant_id = u.tenant_id and k.task_id = u.task_id and k.attempt = u.attempt
          and coalesce(k.ended_at, 'infinity') = 'infinity' and k.flush_number < u.flush_number
        limit 1 for no key update skip locked) a
),
fenced as (
    update par.attempts a
    set flush_number = u.flush_number, last_sequence = a.last_sequence + u.event_count,
        checkpoint_count = a.checkpoint_count + u.checkpoint_count, step_count = a.step_count + u.step_count,
        input_tokens = a.input_tokens + u.input_tokens, output_tokens = a.output_tokens + u.output_tokens,
        cost_microdollars = a.cost_microdollars + u.cost,
        reserved_call_id = case when u.settles then u.reserved_call else a.reserved_call_id end,
        reserved_microdollars = case when u.settles then u.reserved_amount else a.reserved_microdollars end,
        reserved_provider = case when u.settles then u.reserved_provider else a.reserved_provider end,
        reserved_model = case when u.settles then u.reserved_model else a.reserved_model end,
        call_admitted = a.call_admitted and not u.settles
    from live u
    where a.tenant_id = u.tenant_id and a.task_id = u.task_id and a.attempt = u.attempt
    returning u.ordinal, a.tenant_id, a.task_id, a.attempt, a.run_number, a.agent_id, a.worker_id,
        a.last_sequence - u.event_count as base_sequence, a.cost_microdollars as attempt_cost
),
open as materialized (
    select ordinal, tenant_id, task_id, attempt, run_number, agent_id, attempt_cost from fenced
    union all
    select ordinal, tenant_id, task_id, null, null, null, null from unit where attempt is null
),
message as (
    insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)
    select o.tenant_id, o.task_id, r.namespace, r.sequence, r.checksum, r.body
    from unnest(%(message_units)s::bigint[], %(message_namespaces)s::text[], %(message_sequences)s::int[],
        %(message_checksums)s::int[], %(message_bodies)b::bytea[]) as r(ordinal, namespace, sequence, checksum, body)
    join open o using (ordinal)
),
channel as (
    insert into par.channel_values (tenant_id, task_id, namespace, channel, version, checksum, body)
    select o.tenant_id, o.task_id, r.namespace, r.channel, r.version, r.checksum, r.body
    from unnest(%(channel_units)s::bigint[], %(channel_namespaces)s::text[], %(channel_names)s::text[], %(channel_versions)s::text[],
        %(channel_checksums)s::int[], %(channel_bodies)b::bytea[])
        as r(ordinal, namespace, channel, version, checksum, body) join open o using (ordinal)
    on conflict (tenant_id, task_id, namespace, channel, version) do nothing
),
checkpoint as (
    insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, parent_checkpoint_id, attempt, run_number,
        step_number, node_name, run_id, duration_ms, state, checksum, created_at)
    select o.tenant_id, o.task_id, r.namespace, r.checkpoint_id, r.parent_id, o.attempt, o.run_number, r.step_number, r.node_name,
        r.run_id, r.duration_ms, r.state, r.checksum, par.now()
    from unnest(%(checkpoint_units)s::bigint[], %(checkpoint_namespaces)s::text[], %(checkpoint_ids)s::uuid[],
        %(checkpoint_parents)s::uuid[], %(checkpoint_steps)s::int[], %(checkpoint_nodes)s::text[], %(checkpoint_runs)s::text[],
        %(checkpoint_durations)s::int[], %(checkpoint_states)b::bytea[], %(checkpoint_checksums)s::int[])
        as r(ordinal, namespace, checkpoint_id, parent_id, step_number, node_name, run_id, duration_ms, state, checksum)
    join open o using (ordinal)
    on conflict (tenant_id, task_id, namespace, checkpoint_id) do update set state = excluded.state, checksum = excluded.checksum,
        run_id = excluded.run_id
),
write as (
    insert into par.checkpoint_writes as w (tenant_id, task_id, namespace, checkpoint_id, writer_id, write_index, writer_path,
        write_count, checksum, body)
    select o.tenant_id, o.task_id, r.namespace, r.checkpoint_id, r.writer_id, r.write_index, r.writer_path, r.write_count,
        r.checksum, r.body
    from unnest(%(write_units)s::bigint[], %(write_namespaces)s::text[], %(write_checkpoints)s::uuid[], %(write_writers)s::text[],
        %(write_indexes)s::int[], %(write_paths)s::text[], %(write_counts)s::int[], %(write_checksums)s::int[],
        %(write_bodies)b::bytea[])
        as r(ordinal, namespace, checkpoint_id, writer_id, write_index, writer_path, write_count, checksum, body) join open o using (ordinal)
    on conflict (tenant_id, task_id, namespace, checkpoint_id, writer_id, write_index) do update
    set body = excluded.body, checksum = excluded.checksum, write_count = excluded.write_count, writer_path = excluded.writer_path
    where excluded.write_index < 0 or excluded.write_count > w.write_count
),
call as (
    insert into par.ledger (tenant_id, task_id, call_id, agent_id, run_number, attempt, worker_id, checkpoint_id, kind, provider,
        model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_microdollars, estimated, duration_ms, created_at)
    select f.tenant_id, f.task_id, r.call_id, f.agent_id, f.run_number, f.attempt, f.worker_id, r.checkpoint_id, r.kind, r.provider,
        r.model, r.input_tokens, r.output_tokens, r.cache_read, r.cache_write, r.cost, r.estimated, r.duration_ms, par.now()
    from unnest(%(call_units)s::bigint[], %(call_ids)s::uuid[], %(call_checkpoints)s::uuid[], %(call_kinds)s::text[],
        %(call_providers)s::text[], %(call_models)s::text[], %(call_inputs)s::int[], %(call_outputs)s::int[],
        %(call_cache_reads)s::int[], %(call_cache_writes)s::int[], %(call_costs)s::bigint[], %(call_estimated)s::bool[],
        %(call_durations)s::int[]) as r(ordinal, call_id, checkpoint_id, kind, provider, model, input_tokens, output_tokens,
        cache_read, cache_write, cost, estimated, duration_ms) join fenced f using (ordinal)
    returning tenant_id, agent_id, worker_id, provider, model, cost_microdollars, input_tokens, output_tokens
),
spent as (
    insert into par.spend_minutes as s (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars, calls,
        unpriced_calls, input_tokens, output_tokens)
    select tenant_id, agent_id, date_trunc('minute', par.now()), worker_id || %(lane)s, coalesce(provider, ''), coalesce(model, ''),
        coalesce(sum(cost_microdollars), 0), count(*), count(*) filter (where cost_microdollars is null), sum(input_tokens),
        sum(output_tokens)
    from call group by tenant_id, agent_id, worker_id, provider, model order by tenant_id, agent_id, worker_id, provider, model
    on conflict (tenant_id, agent_id, minute, worker_id, provider, model) do update
    set cost_microdollars = s.cost_microdollars + excluded.cost_microdollars, calls = s.calls + excluded.calls,
        unpriced_calls = s.unpriced_calls + excluded.unpriced_calls,
        input_tokens = s.input_tokens + excluded.input_tokens, output_tokens = s.output_tokens + excluded.output_tokens
),
told as (
    insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, worker_id, message_namespace, message_sequence,
        tool_call_id, tool_name, is_error, input_tokens, output_tokens, cost_microdollars, duration_ms, details, created_at)
    select f.tenant_id, f.task_id, f.base_sequence + r.place, r.kind, f.agent_id, f.attempt, f.worker_id, r.namespace, r.sequence,
        r.tool_call_id, r.tool_name, r.is_error, r.input_tokens, r.output_tokens, r.cost, r.duration_ms, r.details::json, par.now()
    from unnest(%(event_units)s::bigint[], %(event_places)s::int[], %(event_kinds)s::text[], %(event_namespaces)s::text[],
        %(event_messages)s::int[], %(event_tool_calls)s::text[], %(event_tools)s::text[], %(event_errors)s::bool[],
        %(event_inputs)s::int[], %(event_outputs)s::int[], %(event_costs)s::bigint[], %(event_durations)s::int[],
        %(event_details)s::text[]) as r(ordinal, place, kind, namespace, sequence, tool_call_id, tool_name, is_error, input_tokens,
        output_tokens, cost, duration_ms, details) join fenced f using (ordinal)
)
select o.ordinal, o.attempt_cost, a.budget_max_per_task, a.budget_max_per_hour
from open o left join par.agents a on a.tenant_id = o.tenant_id and a.agent_id = o.agent_id

-- name: look_again
-- Why a flush left units out: the attempt was merely locked, or it has ended, or this very flush had landed before.
select m.ordinal::int, a.ended_at is not null as ended, a.outcome, a.flush_number, a.cost_microdollars as attempt_cost,
    g.budget_max_per_task, g.budget_max_per_hour
from unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[], %(attempts)s::int[]) with ordinality
    as m(tenant_id, task_id, attempt, ordinal)
left join par.attempts a on a.tenant_id = m.tenant_id and a.task_id = m.task_id and a.attempt = m.attempt
left join par.agents g on g.tenant_id = a.tenant_id and g.agent_id = a.agent_id

-- name: late_call
-- A model's reply that arrived after its attempt had ended: the money is gone, so it is kept, and replaces its estimate.
with task as materialized (
    select t.tenant_id, t.task_id, t.agent_id, a.run_number from par.tasks t
    join par.attempts a on a.tenant_id = t.tenant_id and a.task_id = t.task_id and a.attempt = %(attempt)s
    where t.tenant_id = %(tenant_id)s and t.task_id = %(task_id)s for no key update of t
),
estimate as materialized (
    select l.cost_microdollars, l.input_tokens, l.output_tokens from par.ledger l
    where l.tenant_id = %(tenant_id)s and l.task_id = %(task_id)s and l.call_id = %(call_id)s and l.estimated
),
kept as (
    insert into par.ledger as l (tenant_id, task_id, call_id, agent_id, run_number, attempt, worker_id, kind, provider, model,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_microdollars, estimated, duration_ms, created_at)
    select tenant_id, task_id, %(call_id)s, agent_id, run_number, %(attempt)s, %(worker_id)s, %(kind)s, %(provider)s, %(model)s,
        %(input_tokens)s, %(output_tokens)s, %(cache_read_tokens)s, %(cache_write_tokens)s, %(cost)s, %(estimated)s,
        %(duration_ms)s, par.now()
    from task
    on conflict (tenant_id, task_id, call_id) do update
    set cost_microdollars = excluded.cost_microdollars, input_tokens = excluded.input_tokens,
        output_tokens = excluded.output_tokens, cache_read_tokens = excluded.cache_read_tokens,
        cache_write_tokens = excluded.cache_write_tokens, estimated = excluded.estimated, duration_ms = excluded.duration_ms
    where l.estimated
    returning l.tenant_id, l.task_id, l.agent_id, l.run_number, l.provider, l.model,
        l.input_tokens - coalesce((select input_tokens from estimate), 0) as input_tokens,
        l.output_tokens - coalesce((select output_tokens from estimate), 0) as output_tokens,
        coalesce(l.cost_microdollars, 0) - coalesce((select cost_microdollars from estimate), 0) as difference,
        case when l.cost_microdollars is null then 1 else 0 end as unpriced_calls
),
added as (
    update par.tasks t
    set cost_microdollars = t.cost_microdollars + k.difference, input_tokens = t.input_tokens + k.input_tokens,
        output_tokens = t.output_tokens + k.output_tokens
    from kept k where t.tenant_id = k.tenant_id and t.task_id = k.task_id
),
run as (
    update par.runs r set cost_microdollars = r.cost_microdollars + k.difference
    from kept k where r.tenant_id = k.tenant_id and r.task_id = k.task_id and r.run_number = k.run_number
)
insert into par.spend_minutes as s (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars, calls,
    unpriced_calls, input_tokens, output_tokens)
select tenant_id, agent_id, date_trunc('minute', par.now()), 'settlement', coalesce(provider, ''), coalesce(model, ''), difference,
    case when exists (select from estimate) then 0 else 1 end, unpriced_calls, input_tokens, output_tokens
from kept
on conflict (tenant_id, agent_id, minute, worker_id, provider, model) do update
set cost_microdollars = s.cost_microdollars + excluded.cost_microdollars, calls = s.calls + excluded.calls,
    unpriced_calls = s.unpriced_calls + excluded.unpriced_calls,
    input_tokens = s.input_tokens + excluded.input_tokens, output_tokens = s.output_tokens + excluded.output_tokens
