"""What a person sets in the model registry, and what discovery may change beside it."""

from collections.abc import Collection, Mapping
from typing import Any

PRICES = ("input_price", "output_price", "cache_read_price", "cache_write_price")
SETTABLE = ("display_name", "context_window", "max_output_tokens", *PRICES)


def set_by_hand(before: Collection[str], given: Mapping[str, Any]) -> list[str]:
    """The names that hold a person's value after `given` was set; null gives a value back to discovery."""
    kept = (set(before) - given.keys()) | {name for name in given if given[name] is not None}
    return [name for name in SETTABLE if name in kept]


def price_source(by_hand: Collection[str], before: str, given: Mapping[str, Any]) -> str:
    """Where the prices come from: `manual` while a person's price is among them."""
    if any(name in by_hand for name in PRICES):
        return "manual"
    return "unknown" if before == "manual" or any(name in given for name in PRICES) else before
