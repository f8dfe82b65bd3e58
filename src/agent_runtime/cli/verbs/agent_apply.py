"""`par agent apply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, DryRun

if TYPE_CHECKING:
    from agent_runtime.cli.agent_documents import AgentPlan
    from agent_runtime.cli.output import Output
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par agent apply -f agent.yaml",
    "par agent apply -f agents.yaml -f reviewer.json --dry-run",
    "cat agent.yaml | par agent apply -f -",
)


def run(
    files: Annotated[
        list[str], typer.Option("--file", "-f", metavar="FILE", help="YAML or JSON; - reads stdin; repeatable.")
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> int:
    """Create or update agents from a YAML or JSON file, showing first what changes.

    Several documents per file are fine. Fields that a file leaves out keep their value.
    """
    from agent_runtime.cli.agent_documents import read_documents
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    documents = [document for file in files for document in read_documents(file)]
    return ask(lambda client: _apply(client, documents, dry_run, Output(as_json)))


async def _apply(client: RuntimeClient, documents: list[dict[str, Any]], dry_run: bool, output: Output) -> int:
    from agent_runtime.cli.agent_documents import change_lines, change_values, plan

    plans = [plan(document, await client.agents.find(document["agent_id"])) for document in documents]
    for agent_plan in plans:
        for line in change_lines(agent_plan):
            output.talk(line)
    answers = [
        {
            "agent_id": agent_plan.agent_id,
            "action": agent_plan.action,
            "applied": not dry_run and agent_plan.action != "unchanged",
            "changes": change_values(agent_plan),
            "agent": None if dry_run else await _carry_out(client, agent_plan),
        }
        for agent_plan in plans
    ]
    if output.as_json:
        output.json(answers)
    else:
        output.note(_closing(plans, dry_run))
    return 0


async def _carry_out(client: RuntimeClient, agent_plan: AgentPlan) -> dict[str, Any] | None:
    if agent_plan.action == "create":
        return await client.agents.create(agent_plan.body)
    if agent_plan.action == "update":
        return await client.agents.replace(agent_plan.agent_id, agent_plan.body)
    return None


def _closing(plans: list[AgentPlan], dry_run: bool) -> str:
    created, updated, same = (
        sum(agent_plan.action == action for agent_plan in plans) for action in ("create", "update", "unchanged")
    )
    verb = "Would be" if dry_run else "Agents"
    return f"{verb} created: {created}, updated: {updated}, unchanged: {same}."
