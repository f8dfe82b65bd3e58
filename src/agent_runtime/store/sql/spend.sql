-- name: of_agent
-- What an agent spent by model in the last 60 minutes, today and in 30 days (UTC days, today included). What is older than
-- 65 minutes stands under the start of its hour or day, so that one comparison serves all three.
with since as materialized (
    select date_trunc('minute', par.now() - interval '59 minutes') as hour, date_trunc('day', par.now(), 'UTC') as today,
        date_trunc('day', par.now(), 'UTC') - interval '29 days' as month
)
select w.span, w.since, s.provider, s.model, s.cost_microdollars, s.calls, s.unpriced_calls, s.input_tokens, s.output_tokens
from since
cross join lateral (values ('last_hour', hour), ('today', today), ('last_30_days', month)) as w(span, since)
left join lateral (
    select s.provider, s.model, sum(s.cost_microdollars)::bigint as cost_microdollars, sum(s.calls)::bigint as calls,
        sum(s.unpriced_calls)::bigint as unpriced_calls, sum(s.input_tokens)::bigint as input_tokens,
        sum(s.output_tokens)::bigint as output_tokens
    from par.spend s
    where s.tenant_id = %(tenant_id)s and s.agent_id = %(agent_id)s and s.starts_at >= w.since
    group by s.provider, s.model) s on true
order by w.since desc, s.cost_microdollars desc, s.provider, s.model

-- name: limits_of_agent
-- An agent's budgets, what its calls under way have reserved of the hour, and how many of its tasks wait for money.
select a.agent_id, a.budget_max_per_task, a.budget_max_per_hour,
    (select coalesce(sum(k.reserved_microdollars), 0)::bigint from par.attempts k
     where k.tenant_id = a.tenant_id and k.agent_id = a.agent_id and k.ended_at is null and k.call_admitted
       and k.reserved_call_id is not null) as reserved_microdollars,
    (select count(*) from par.tasks t
     where t.tenant_id = a.tenant_id and t.agent_id = a.agent_id and t.status = 'paused') as paused_tasks
from par.agents a where a.tenant_id = %(tenant_id)s and a.agent_id = %(agent_id)s

-- name: costs
-- Spend of some days (UTC), both included, added up by what was asked for; what was not is null. A page in the order
-- of day, agent, provider and model, the sums of the whole range in each row; a page of nothing is one row of nulls.
with sums as materialized (
    select date_trunc('day', s.starts_at, 'UTC') as day, s.agent_id, s.provider, s.model,
        sum(s.cost_microdollars)::bigint as cost_microdollars, sum(s.calls)::bigint as calls,
        sum(s.unpriced_calls)::bigint as unpriced_calls, sum(s.input_tokens)::bigint as input_tokens,
        sum(s.output_tokens)::bigint as output_tokens
    from (
        select case when %(by_day)s then s.starts_at end as starts_at, case when %(by_agent)s then s.agent_id end as agent_id,
            case when %(by_model)s then s.provider end as provider, case when %(by_model)s then s.model end as model,
            s.cost_microdollars, s.calls, s.unpriced_calls, s.input_tokens, s.output_tokens
        from par.spend s
        where s.tenant_id = %(tenant_id)s and s.starts_at >= %(first_day)s::timestamptz
          and s.starts_at < %(last_day)s::timestamptz + interval '1 day'
          and (%(agent_id)s::text is null or s.agent_id = %(agent_id)s)
          and (%(provider)s::text is null or s.provider = %(provider)s)
          and (%(model)s::text is null or s.model = %(model)s)) s
    group by 1, 2, 3, 4
),
named as materialized (
    select coalesce(to_char(g.day at time zone 'UTC', 'YYYY-MM-DD'), '') as place, g.* from sums g
),
total as (
    select coalesce(sum(cost_microdollars), 0)::bigint as total_cost_microdollars, coalesce(sum(calls), 0)::bigint as total_calls,
        coalesce(sum(unpriced_calls), 0)::bigint as total_unpriced_calls,
        coalesce(sum(input_tokens), 0)::bigint as total_input_tokens,
        coalesce(sum(output_tokens), 0)::bigint as total_output_tokens
    from sums
)
select t.*, nullif(p.place, '') as day, p.agent_id, p.provider, p.model, p.cost_microdollars, p.calls, p.unpriced_calls,
    p.input_tokens, p.output_tokens
from total t
left join lateral (
    select n.* from named n
    where %(after_day)s::text is null
       or (n.place, coalesce(n.agent_id, ''), coalesce(n.provider, ''), coalesce(n.model, ''))
        > (%(after_day)s::text, %(after_agent)s::text, %(after_provider)s::text, %(after_model)s::text)
    order by n.place, coalesce(n.agent_id, ''), coalesce(n.provider, ''), coalesce(n.model, '')
    limit %(limit)s) p on true
order by p.place, coalesce(p.agent_id, ''), coalesce(p.provider, ''), coalesce(p.model, '')

-- name: today
-- The day (UTC) by the database's clock.
select (par.now() at time zone 'UTC')::date as day
