"""`par dead-letter redrive`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, DryRun, Yes

if TYPE_CHECKING:
    from agent_runtime.cli.output import Output
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = (
    "par dead-letter redrive 0190a7c2-… 0190a7c3-…",
    "par dead-letter redrive --fingerprint v1:4be1c0 --dry-run",
    "par dead-letter redrive --fingerprint v1:4be1c0 --agent research --limit 100 --yes",
)

_LARGEST_REQUEST = 1_000


def run(
    task_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK_ID...]", help="Ids of dead letters.", show_default=False)
    ] = None,
    fingerprint: Annotated[str | None, typer.Option(metavar="F", help="All with this error fingerprint.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="With --fingerprint: only this agent's.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="With --fingerprint: at most N.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> int:
    """Redrive dead letters by id or by error fingerprint, after showing how many they are."""
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    if bool(task_ids) == bool(fingerprint):
        raise CommandFailed("Give either task ids or --fingerprint.")
    if task_ids and (agent or limit):
        raise CommandFailed("--agent and --limit go with --fingerprint.")
    choice = _Choice(tuple(task_ids or ()), fingerprint, agent, limit)
    return ask(lambda client: _redrive(client, choice, _Manner(yes, dry_run), Output(as_json)))


@dataclass(frozen=True)
class _Choice:
    task_ids: tuple[str, ...]
    fingerprint: str | None
    agent_id: str | None
    limit: int | None


@dataclass(frozen=True)
class _Manner:
    yes: bool
    dry_run: bool


async def _redrive(client: RuntimeClient, choice: _Choice, manner: _Manner, output: Output) -> int:
    from agent_runtime.cli.confirmation import confirm

    task_ids = await _chosen_ids(client, choice)
    counted = f"{len(task_ids)} dead {'letter' if len(task_ids) == 1 else 'letters'}"
    if manner.dry_run or not task_ids:
        value = {"dry_run": manner.dry_run, "redriven": 0, "skipped": 0, "would_redrive": task_ids}
        return _print(output, value, f"{counted} would be redriven." if task_ids else "No dead letter matches.")
    confirm(f"Redrive {counted}?", manner.yes)
    # By id also when chosen by fingerprint: what was counted is what is redriven, none that failed in the meantime.
    answers = [
        await client.dead_letters.redrive({"task_ids": task_ids[start : start + _LARGEST_REQUEST]})
        for start in range(0, len(task_ids), _LARGEST_REQUEST)
    ]
    total = {word: sum(_number(answer.get(word)) for answer in answers) for word in ("redriven", "skipped")}
    return _print(output, total, f"Redriven: {total['redriven']}, skipped: {total['skipped']}.")


async def _chosen_ids(client: RuntimeClient, choice: _Choice) -> list[str]:
    from agent_runtime.cli.server import gather

    if choice.task_ids:
        return list(choice.task_ids)
    filters: dict[str, Any] = {"fingerprint": choice.fingerprint, "agent_id": choice.agent_id}
    return [letter["task_id"] for letter in await gather(client.dead_letters.list(filters, choice.limit))]


def _number(value: Any) -> int:
    """How many: the server answers with a number or with the ids."""
    return len(value) if isinstance(value, list) else int(value or 0)


def _print(output: Output, value: JsonObject, line: str) -> int:
    if output.as_json:
        output.json(value)
    else:
        output.line(line)
    return 0
