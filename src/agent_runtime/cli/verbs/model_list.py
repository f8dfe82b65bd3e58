"""`par model list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par model list", "par model list --provider openai --active")
HEADER = ("provider", "model", "active", "context", "input/M", "output/M", "prices from")


def run(
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Only models of this provider.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only active models.", show_default=False)] = False,
    as_json: AsJson = False,
) -> int:
    """List models with prices (dollars per million tokens) and context windows."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    registered = ask(lambda client: gather(client.models.list()))
    models = [model for model in registered if _asked_for(model, provider, active)]
    Output(as_json).rows(HEADER, [row_of(model) for model in models], models)
    return 0


def _asked_for(model: dict[str, Any], provider: str | None, active: bool) -> bool:
    return (provider is None or model["provider"] == provider) and (not active or bool(model.get("is_active")))


def row_of(model: dict[str, Any]) -> list[str]:
    """A model as a line of the table."""
    from agent_runtime.cli.wording import count, money

    return [
        model["provider"],
        model["model_id"],
        "yes" if model.get("is_active") else "no",
        count(model.get("context_window")),
        money(model.get("input_price")),
        money(model.get("output_price")),
        str(model.get("price_source") or "unknown"),
    ]
