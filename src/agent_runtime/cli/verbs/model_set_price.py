"""`par model set-price`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par model set-price openai/gpt-5-mini --input 0.25 --output 2",
    "par model set-price vllm/llama-4 --input 0 --output 0 --context-window 131072",
    "par model set-price openai/gpt-5-mini --forget",
)
_PRICES = ("input_price", "output_price", "cache_read_price", "cache_write_price")
Dollars = typer.Option(metavar="DOLLARS", help="Dollars per million tokens.")


def run(
    model: Annotated[str, typer.Argument(metavar="PROVIDER/MODEL", help="Which model.", show_default=False)],
    input_price: Annotated[str | None, typer.Option("--input", metavar="DOLLARS", help="Per million tokens.")] = None,
    output_price: Annotated[str | None, typer.Option("--output", metavar="DOLLARS", help="Per million tokens.")] = None,
    cache_read: Annotated[str | None, Dollars] = None,
    cache_write: Annotated[str | None, Dollars] = None,
    context_window: Annotated[int | None, typer.Option(min=1, metavar="N", help="Tokens that it takes.")] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Give the prices back to discovery.", show_default=False)
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Set what a model costs (and its context window) by hand; discovery leaves it alone."""
    from agent_runtime.cli.model_name import model_name
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.verbs.model_list import HEADER, row_of

    provider, model_id = model_name(model)
    given = dict(zip(_PRICES, (input_price, output_price, cache_read, cache_write), strict=True))
    changes: dict[str, Any] = dict.fromkeys(_PRICES) if forget else {}
    changes |= {name: _microdollars(text) for name, text in given.items() if text is not None}
    changes |= {} if context_window is None else {"context_window": context_window}
    changed = ask(lambda client: client.models.change(provider, model_id, changes))
    Output(as_json).pairs(list(zip(HEADER, row_of(changed), strict=True)), changed)
    return 0


def _microdollars(text: str) -> int:
    from decimal import Decimal, InvalidOperation

    from agent_runtime.cli.failure import CommandFailed

    try:
        amount = Decimal(text) * 1_000_000
    except InvalidOperation:
        raise CommandFailed(f"{text!r} is no amount of dollars, such as 0.25.") from None
    if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
        raise CommandFailed(f"{text!r} is no amount of dollars down to a millionth, such as 0.25.")
    return int(amount)
