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
-- Spend of some days (UTC), both included, added up by what was asked for; what was not is null. A page in the order of
-- day, agent, provider and model, the sums of the whole range in each row; a page of nothing is one row of nulls. By day,
-- days are added up one after the other, and no more of them than the page needs.
with total as (
    select coalesce(sum(s.cost_microdollars), 0)::bigint as total_cost_microdollars, coalesce(sum(s.calls), 0)::bigint as total_calls,
        coalesce(sum(s.unpriced_calls), 0)::bigint as total_unpriced_calls,
        coalesce(sum(s.input_tokens), 0)::bigint as total_input_tokens,
        coalesce(sum(s.output_tokens), 0)::bigint as total_output_tokens
    from par.spend s
    where s.tenant_id = %(tenant_id)s and s.starts_at >= %(first_day)s::timestamptz
      and s.starts_at < %(end)s::timestamptz
      and (%(agent_id)s::text is null or s.agent_id = %(agent_id)s)
      and (%(provider)s::text is null or s.provider = %(provider)s)
      and (%(model)s::text is null or s.model = %(model)s)
),
span as (
    select to_char(d.day at time zone 'UTC', 'YYYY-MM-DD') as day, d.day as starts_at, d.day + interval '1 day' as ends_at
    from generate_series(greatest(%(first_day)s::timestamptz, nullif(%(after_day)s::text, '')::timestamptz),
        %(last_day)s::timestamptz, interval '1 day') as d(day)
    where %(by_day)s
    union all
    select '', %(first_day)s::timestamptz, %(end)s::timestamptz where not %(by_day)s
),
page as (
    select d.day, g.*
    from (select * from span order by starts_at) d
    cross join lateral (
        select k.agent_id, k.provider, k.model, sum(k.cost_microdollars)::bigint as cost_microdollars,
            sum(k.calls)::bigint as calls, sum(k.unpriced_calls)::bigint as unpriced_calls,
            sum(k.input_tokens)::bigint as input_tokens, sum(k.output_tokens)::bigint as output_tokens
        from (
            select case when %(by_agent)s then s.agent_id else '' end as agent_id,
                case when %(by_model)s then s.provider else '' end as provider,
                case when %(by_model)s then s.model else '' end as model,
                s.cost_microdollars, s.calls, s.unpriced_calls, s.input_tokens, s.output_tokens
            from par.spend s
            where s.tenant_id = %(tenant_id)s and s.starts_at >= d.starts_at and s.starts_at < d.ends_at
              and (%(agent_id)s::text is null or s.agent_id = %(agent_id)s)
              and (%(provider)s::text is null or s.provider = %(provider)s)
              and (%(model)s::text is null or s.model = %(model)s)) k
        where %(after_day)s::text is null
           or (d.day, k.agent_id, k.provider, k.model)
            > (%(after_day)s::text, %(after_agent)s::text, %(after_provider)s::text, %(after_model)s::text)
        group by k.agent_id, k.provider, k.model) g
    order by d.starts_at, g.agent_id, g.provider, g.model limit %(limit)s
)
select t.*, nullif(p.day, '') as day, case when %(by_agent)s then p.agent_id end as agent_id,
    case when %(by_model)s then p.provider end as provider, case when %(by_model)s then p.model end as model, p.cost_microdollars, p.calls, p.unpriced_calls, p.input_tokens, p.output_tokens
from total t left join page p on true
order by p.day, p.agent_id, p.provider, p.model

-- name: today
-- The day (UTC) by the database's clock.
select (par.now() at time zone 'UTC')::date as day
