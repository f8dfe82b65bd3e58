-- name: listened_to
-- Which of these tasks somebody listens to.
select distinct task_id from par.token_listeners where task_id = any (%(task_ids)s::uuid[]) and expires_at > par.now()

-- name: add_chunks
-- Pieces of replies, for those who listen.
insert into par.token_chunks (tenant_id, task_id, attempt, text)
select * from unnest(%(tenant_ids)s::text[], %(task_ids)s::uuid[], %(attempts)s::int[], %(texts)s::text[])

-- name: forget_old
-- Pieces older than a minute and listeners that left.
with l as (delete from par.token_listeners where expires_at < par.now() - interval '1 minute')
delete from par.token_chunks where created_at < par.now() - interval '1 minute'
