"""`par batch get`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par batch get 0190a7c2-…",
    "par batch get 0190a7c2-… --json | jq .counts",
)
_ASKING = ("waiting_for_approval", "waiting_for_input")


def run(
    batch_ids: Annotated[
        list[str], typer.Argument(metavar="BATCH_ID...", help="Ids of the batches.", show_default=False)
    ],
    as_json: AsJson = False,
) -> int:
    """Show how far batches are: tasks by status, and what they cost."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    found = ask(lambda client: _get(client, batch_ids))
    output = Output(as_json)
    if as_json:
        output.json(found[0] if len(found) == 1 else found)
        return 0
    for batch in found:
        output.pairs(_pairs(batch), batch)
    return 0


async def _get(client: RuntimeClient, batch_ids: list[str]) -> list[dict[str, Any]]:
    return [await client.batches.get(batch_id) for batch_id in batch_ids]


def _pairs(batch: dict[str, Any]) -> list[tuple[str, str]]:
    from agent_runtime.cli.wording import age, count, money

    return [
        ("batch", batch["batch_id"]),
        ("created", age(batch.get("created_at"))),
        ("tasks", count(batch["total"])),
        *((status, count(number) + _hint(batch, status)) for status, number in batch["counts"].items()),
        ("cost", money(batch.get("total_cost_microdollars"))),
    ]


def _hint(batch: dict[str, Any], status: str) -> str:
    failed = f"  (par task list --batch {batch['batch_id']} --status dead_letter)"
    return {"dead_letter": failed, **dict.fromkeys(_ASKING, "  (par approvals)")}.get(status, "")
