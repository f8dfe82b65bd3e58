"""Every verb of `par` by name, with the module that implements it and the line that help shows for it.

Help reads only this table, so that listing the verbs imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = "agent_runtime.cli.verbs."


@dataclass(frozen=True)
class Verb:
    """A command: `module` has a function `run` (typed for typer) and a tuple of `EXAMPLES`."""

    name: str
    file: str
    summary: str

    @property
    def module(self) -> str:
        return _VERBS + self.file


@dataclass(frozen=True)
class VerbFamily:
    """A noun with verbs of its own: `par task submit`. `alone` names the verb that the noun without one stands for."""

    name: str
    summary: str
    verbs: tuple[Verb, ...]
    alone: str | None = None


TASK = VerbFamily(
    "task",
    "Submit tasks, follow them, act on them.",
    (
        Verb("submit", "task_submit", "Submit a task, and wait for it if asked."),
        Verb("list", "task_list", "List tasks, newest first."),
        Verb("get", "task_get", "Show one task."),
        Verb("watch", "task_watch", "Follow a task live: steps, tool calls, tokens, cost."),
        Verb("activity", "task_activity", "Show a task's whole story: turns, tools, costs, takeovers."),
        Verb("events", "task_events", "Show a task's lifecycle history."),
        Verb("checkpoints", "task_checkpoints", "Show a task's durable steps and what each cost."),
        Verb("diff", "task_diff", "Show what one step of a task changed."),
        Verb("artifacts", "task_artifacts", "List a task's files, or download one."),
        Verb("cancel", "task_cancel", "Cancel tasks that have not ended."),
        Verb("resume", "task_resume", "Resume tasks that their budget paused, after it was raised."),
        Verb("redrive", "task_redrive", "Send a dead letter round again from its last checkpoint, or an earlier one."),
        Verb("follow-up", "task_follow_up", "Continue a completed task's conversation."),
        Verb("fork", "task_fork", "Start a new task at a checkpoint, with another input, model, prompt or tools."),
    ),
)
APPROVALS = VerbFamily(
    "approvals",
    "Answer what agents ask: approve calls, reject them, answer questions.",
    (
        Verb("review", "approvals_review", "Go through what is open; `par approvals` does it too."),
        Verb("list", "approvals_list", "List what waits for a person."),
        Verb("get", "approvals_get", "Show what a task asks, why, and how to answer."),
        Verb("approve", "approvals_approve", "Let a call run, as it is or with other arguments."),
        Verb("reject", "approvals_reject", "Refuse a call; the agent reads why."),
        Verb("respond", "approvals_respond", "Answer a question."),
    ),
    alone="review",
)
BATCH = VerbFamily(
    "batch",
    "Submit many tasks at once.",
    (
        Verb("submit", "batch_submit", "Submit the tasks of a file, and wait for them if asked."),
        Verb("get", "batch_get", "Show how far a batch is."),
    ),
)
AGENT = VerbFamily(
    "agent",
    "Define agents from files and read them.",
    (
        Verb("apply", "agent_apply", "Create or update agents from a YAML or JSON file."),
        Verb("list", "agent_list", "List agents."),
        Verb("get", "agent_get", "Show one agent."),
        Verb("versions", "agent_versions", "List an agent's configurations: who saved each, and when."),
        Verb("restore", "agent_restore", "Make an earlier configuration the current one again."),
        Verb("disable", "agent_disable", "Have an agent take no new tasks; queued ones wait."),
        Verb("enable", "agent_enable", "Have a disabled agent take tasks again."),
        Verb("spend", "agent_spend", "Show what an agent spent lately, against its budgets."),
    ),
)
DEAD_LETTER = VerbFamily(
    "dead-letter",
    "Inspect what failed for good and redrive it.",
    (
        Verb("list", "dead_letter_list", "List dead letters, newest first."),
        Verb("groups", "dead_letter_groups", "Show dead letters by their cause: how many, since when, an example."),
        Verb("redrive", "dead_letter_redrive", "Redrive dead letters by id or by error fingerprint."),
    ),
)
WORKER = VerbFamily(
    "worker",
    "Look at the workers, and drain them.",
    (
        Verb("list", "worker_list", "List workers and their load."),
        Verb("drain", "worker_drain", "Have a worker hand its tasks over and exit."),
    ),
)
TOOL_SERVER = VerbFamily(
    "tool-server",
    "Register tool servers of your own (MCP) and approve their tools.",
    (
        Verb("create", "tool_server_create", "Register a tool server."),
        Verb("list", "tool_server_list", "List tool servers."),
        Verb("get", "tool_server_get", "Show one tool server with its tools."),
        Verb("update", "tool_server_update", "Change what is given of a tool server."),
        Verb("delete", "tool_server_delete", "Forget a tool server."),
        Verb("discover", "tool_server_discover", "Ask a tool server for its tools now."),
        Verb("approve", "tool_server_approve", "Accept changed or new tools."),
    ),
)
MCP = VerbFamily(
    "mcp",
    "Serve this system to MCP clients.",
    (Verb("serve", "mcp_serve", "Serve tools and tasks to MCP clients, over stdio or HTTP."),),
)
MODEL = VerbFamily(
    "model",
    "The models: prices, context windows, providers' keys.",
    (
        Verb("list", "model_list", "List models with prices and context windows."),
        Verb("discover", "model_discover", "Ask each configured provider again for its models."),
        Verb("set-price", "model_set_price", "Set what a model costs by hand; discovery leaves it alone."),
        Verb("set-key", "model_set_key", "Keep a provider's key in the database, or forget it."),
    ),
)
TENANT = VerbFamily(
    "tenant",
    "Make tenants, whose tasks and keys are apart.",
    (
        Verb("create", "tenant_create", "Make a tenant."),
        Verb("list", "tenant_list", "List tenants."),
    ),
)
KEY = VerbFamily(
    "key",
    "Make, rotate and revoke API keys.",
    (
        Verb("create", "key_create", "Make a key, and print it this once."),
        Verb("list", "key_list", "List keys with their scopes and last use."),
        Verb("rotate", "key_rotate", "Give a key a new secret; the old one lasts a while."),
        Verb("revoke", "key_revoke", "End keys within seconds."),
    ),
)
AUDIT = VerbFamily("audit", "Read who did what.", (Verb("list", "audit_list", "List the audit log, newest first."),))
WEBHOOK = VerbFamily(
    "webhook",
    "Be told when tasks end or wait for a person.",
    (
        Verb("create", "webhook_create", "Create a webhook and show its signing secret."),
        Verb("list", "webhook_list", "List webhooks."),
        Verb("get", "webhook_get", "Show one webhook."),
        Verb("update", "webhook_update", "Change, disable or enable a webhook."),
        Verb("delete", "webhook_delete", "Delete a webhook with its delivery log."),
        Verb("deliveries", "webhook_deliveries", "Show what was sent and how it went."),
        Verb("redeliver", "webhook_redeliver", "Send a delivery again."),
        Verb("rotate-secret", "webhook_rotate_secret", "Give a webhook a new signing secret."),
    ),
)
DATABASE = VerbFamily(
    "db",
    "Prepare or reset the database.",
    (
        Verb("migrate", "db_migrate", "Apply the migrations that are missing."),
        Verb("rotate-master-key", "db_rotate_master_key", "Seal the secrets in the database with another master key."),
        Verb("reset", "db_reset", "Delete everything and build the database anew."),
    ),
)

SECTIONS: tuple[tuple[str, tuple[Verb | VerbFamily, ...]], ...] = (
    (
        "The system on this machine",
        (
            Verb("demo", "demo", "See a task survive its worker: under a minute, no key needed."),
            Verb("up", "up", "Run database, API and workers in the foreground."),
            Verb("start", "start", "Start database, API and workers in the background."),
            Verb("stop", "stop", "Stop the running system."),
            Verb("restart", "restart", "Stop the system, then start it."),
            Verb("status", "status", "Show what is running."),
            Verb("stats", "stats", "Show tasks by state, the queue, throughput and spend."),
            Verb("costs", "costs", "Show what was spent, by agent, model and day."),
            Verb("logs", "logs", "Show the log of the system, the API or a worker."),
            Verb("scale-worker", "scale_worker", "Set the number of live workers."),
            Verb("check", "check", "Check what a start needs, without starting anything."),
            Verb("doctor", "doctor", "Find out what is wrong with a running system."),
            DATABASE,
        ),
    ),
    ("Work", (TASK, APPROVALS, BATCH, DEAD_LETTER)),
    ("What it works with", (AGENT, MODEL, TOOL_SERVER, WEBHOOK, MCP, WORKER)),
    ("Who may do what", (KEY, TENANT, AUDIT)),
)
ROOT: tuple[Verb | VerbFamily, ...] = tuple(entry for _, entries in SECTIONS for entry in entries)

FAMILIES = {entry.name: entry for entry in ROOT if isinstance(entry, VerbFamily)}


def completed(arguments: list[str]) -> list[str]:
    """The command line with the verb that a noun alone stands for."""
    family = FAMILIES.get(arguments[0]) if arguments else None
    if family is None or family.alone is None or any(not word.startswith("-") for word in arguments[1:2]):
        return arguments
    return arguments if "--help" in arguments else [family.name, family.alone, *arguments[1:]]
