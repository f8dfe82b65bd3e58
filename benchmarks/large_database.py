"""A million finished tasks with ten million events and a year of counters, and among them what is rare."""

from benchmarks.bed import Bed
from benchmarks.claim import FINISHED, fill_finished
from benchmarks.seed import add_agent

EVENTS_PER_TASK = 10
LONG_EVENTS = 100_000
BATCH = "019af0d0-0000-7000-8000-00000000ba7c"
LONG = "019af0d0-0000-7000-8000-0000000010a6"
WEBHOOK = "019af0d0-0000-7000-8000-00000000aaaa"
# Nothing is lost when the machine dies meanwhile, and rows of the same statement need no check of each other.
_BULK = "?options=-csession_replication_role%3Dreplica%20-csynchronous_commit%3Doff"
_EVENTS = f"""
insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, worker_id, event_type, created_at)
select tenant_id, task_id, n, 'event', agent_id, 1, 'old', 'task_claimed', created_at
from par.tasks, generate_series(1, {EVENTS_PER_TASK}) n
"""
# A batch, labels (one that every task carries), an agent with few tasks, what failed and why, what is
# paused, who waits for people or did, a queue.
_RARE = f"""
insert into par.task_labels (tenant_id, label, value, task_id)
select 'default', 'team', 'search', task_id from par.tasks tablesample bernoulli (1);
insert into par.task_labels (tenant_id, label, value, task_id)
select 'default', 'stage', 'live', task_id from par.tasks;
update par.tasks set agent_id = 'agent-rare'
where task_id in (select task_id from par.tasks order by task_id limit 100);
update par.tasks set status = 'dead_letter', dead_letter_reason = 'retries_exhausted', dead_lettered_at = created_at,
    completed_at = null, error_fingerprint = 'cause-' || (hashtext(task_id::text) & 31)
where task_id in (select task_id from par.tasks tablesample bernoulli (5));
update par.tasks set dead_letter_reason = 'task_timeout', error_fingerprint = 'cause-rare'
where task_id in (select task_id from par.tasks where status = 'dead_letter' order by task_id limit 20);
update par.tasks set status = 'paused', pause_reason = 'budget_per_task'
where task_id in (select task_id from par.tasks where status = 'completed' order by task_id limit 1000);
update par.tasks set status = 'waiting_for_input'
where task_id in (select task_id from par.tasks where status = 'completed' order by task_id limit 1000);
insert into par.human_requests (tenant_id, request_id, task_id, agent_id, run_number, kind, prompt, created_at,
    expires_at)
select tenant_id, gen_random_uuid(), task_id, agent_id, 1, 'input', 'Which?', now(), now() + interval '1 day'
from par.tasks where status = 'waiting_for_input';
insert into par.human_requests (tenant_id, request_id, task_id, agent_id, run_number, kind, state, prompt, created_at,
    expires_at, answered_at, consumed_at)
select tenant_id, gen_random_uuid(), task_id, agent_id, 1, 'approval', 'answered', 'May I?', created_at, created_at,
    created_at, created_at
from par.tasks tablesample bernoulli (20);
update par.tasks set batch_id = '{BATCH}' where task_id in (select task_id from par.tasks limit 500);
insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at)
select 'default', gen_random_uuid(), 'agent-' || n % 20, 'shared', 4, now() from generate_series(1, 20000) n;
insert into par.webhooks (tenant_id, webhook_id, kind, url, events)
values ('default', '{WEBHOOK}', 'endpoint', 'https://example.com', '{{task_completed}}');
insert into par.webhook_deliveries (tenant_id, webhook_id, endpoint, task_id, agent_id, event_type, sequence,
    occurred_at, status, next_attempt_at, expires_at, created_at)
select tenant_id, '{WEBHOOK}', '', task_id, agent_id, 'task_completed', 4, created_at, 'delivered', created_at,
    created_at, created_at
from par.tasks tablesample bernoulli (30);
update par.webhook_deliveries set status = 'failed'
where delivery_id in (select delivery_id from par.webhook_deliveries order by created_at limit 10);
insert into par.audit_log (tenant_id, audit_id, actor, action, object_kind, object_id)
select 'default', task_id, 'key ' || (hashtext(task_id::text) & 15), 'task_submitted', 'task', task_id
from par.tasks tablesample bernoulli (30)
"""
# A year of counters of twenty agents with two models each, as the duty of the workers leaves them.
_COUNTERS = """
insert into par.spend_days
select 'default', 'agent-' || a, date_trunc('day', now()) - d * interval '1 day', 'p', 'm' || m, 1000, 10, 0, 5, 5
from generate_series(0, 19) a, generate_series(9, 365) d, generate_series(1, 2) m;
insert into par.spend_hours
select 'default', 'agent-' || a, date_trunc('hour', now()) - h * interval '1 hour', 'p', 'm' || m, 1000, 10, 0, 5, 5
from generate_series(0, 19) a, generate_series(1, 192) h, generate_series(1, 2) m;
insert into par.spend_minutes (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars, calls,
    input_tokens, output_tokens)
select 'default', 'agent-' || a, date_trunc('minute', now()) - n * interval '1 minute', 'w' || w, 'p', 'm' || m,
    100, 1, 5, 5
from generate_series(0, 19) a, generate_series(0, 64) n, generate_series(1, 2) m, generate_series(1, 4) w;
insert into par.task_flow (tenant_id, agent_id, span, starts_at, lane, completed)
select 'default', 'agent-' || a, 'hour', date_trunc('hour', now()) - h * interval '1 hour', '', 9
from generate_series(0, 19) a, generate_series(1, 192) h;
insert into par.task_flow (tenant_id, agent_id, span, starts_at, lane, completed)
select 'default', 'agent-' || a, 'day', date_trunc('day', now()) - d * interval '1 day', '', 99
from generate_series(0, 19) a, generate_series(9, 365) d
"""
# One task that went on for very long: a hundred thousand entries, two thousand steps with a call each, as many files.
_LONG_TASK = f"""
insert into par.tasks (tenant_id, task_id, agent_id, config_version, status, attempt, last_sequence, completed_at)
values ('default', '{LONG}', 'agent-1', 1, 'completed', 1, {LONG_EVENTS}, now());
insert into par.runs (tenant_id, task_id, run_number, run_id, kind, input, status)
values ('default', '{LONG}', 1, gen_random_uuid(), 'submit', 'hello', 'completed');
insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, event_type, status_after,
    message_namespace, message_sequence, created_at)
select 'default', '{LONG}', n, case when last then 'event' else 'model_turn' end, 'agent-1', 1,
    case when last then 'task_completed' end, case when last then 'completed' end, case when not last then '' end,
    case when not last then n end, now()
from (select n, n = {LONG_EVENTS} as last from generate_series(1, {LONG_EVENTS}) n) e;
insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)
select 'default', '{LONG}', '', n, 0,
    convert_to('{{"type":"ai","content":"' || repeat(md5(n::text), 10) || '"}}', 'UTF8')
from generate_series(1, {LONG_EVENTS} - 1) n;
insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, step_number, state, checksum, created_at,
    attempt)
select 'default', '{LONG}', '', ('019af0d0-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n, '', 0, now(), 1
from generate_series(1, 2000) n;
insert into par.ledger (tenant_id, task_id, call_id, agent_id, run_number, attempt, checkpoint_id, cost_microdollars,
    created_at)
select tenant_id, task_id, gen_random_uuid(), 'agent-1', 1, 1, checkpoint_id, 5, now() from par.checkpoints;
insert into par.artifacts (tenant_id, task_id, direction, filename, artifact_id, run_number, content_type, size_bytes,
    sha256, created_at)
select 'default', '{LONG}', 'output', 'file ' || n, gen_random_uuid(), 1, 'text/plain', 10, '', now()
from generate_series(1, 2000) n
"""


def fill(bed: Bed, url: str) -> None:
    """All of it, then vacuumed, as autovacuum leaves a system that has run for long."""
    fill_finished(bed, url + _BULK)
    add_agent(url, "agent-rare")
    for statement in (_EVENTS, _RARE, _COUNTERS, _LONG_TASK):
        Bed.rows(url + _BULK, statement)
    Bed.rows(url, "vacuum analyze")
    bed.settle()


__all__ = ["BATCH", "FINISHED", "LONG", "WEBHOOK", "fill"]
