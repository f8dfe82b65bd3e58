"""What a model call costs: tokens times price, in whole microdollars. Pure arithmetic on integers."""

from __future__ import annotations

from dataclasses import dataclass

TOKENS_PER_PRICE_UNIT = 1_000_000


@dataclass(frozen=True)
class Usage:
    """Tokens of one model call.

    `input_tokens` is the whole prompt: it includes `cache_read_tokens` and `cache_write_tokens`.
    `estimated` says that the provider reported no usage and the figures come from text lengths.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Price:
    """Prices in microdollars per million tokens. None means unknown, which is never the same as 0."""

    input_price: int | None
    output_price: int | None
    cache_read_price: int | None = None
    cache_write_price: int | None = None


def cost_microdollars(usage: Usage, price: Price | None) -> int | None:
    """The cost of `usage`, rounded half up once over the whole call; None when the price is unknown.

    A missing cache price falls back to the input price, so that cached tokens are never free by accident.
    """
    if price is None or price.input_price is None or price.output_price is None:
        return None
    cache_read = max(usage.cache_read_tokens, 0)
    cache_write = max(usage.cache_write_tokens, 0)
    fresh_input = max(usage.input_tokens - cache_read - cache_write, 0)
    total = (
        fresh_input * price.input_price
        + cache_read * _first_known(price.cache_read_price, price.input_price)
        + cache_write * _first_known(price.cache_write_price, price.input_price)
        + max(usage.output_tokens, 0) * price.output_price
    )
    return _per_million_half_up(total)


def estimate_microdollars(input_tokens: int, max_output_tokens: int, price: Price | None) -> int | None:
    """The most that a call can cost: every input token at its dearest rate and the full output; None when unknown."""
    if price is None or price.input_price is None or price.output_price is None:
        return None
    dearest_input = max(price.input_price, price.cache_write_price or 0)
    return _per_million_half_up(input_tokens * dearest_input + max_output_tokens * price.output_price)


def _first_known(price: int | None, fallback: int) -> int:
    return fallback if price is None else price


def _per_million_half_up(microdollar_tokens: int) -> int:
    return (microdollar_tokens + TOKENS_PER_PRICE_UNIT // 2) // TOKENS_PER_PRICE_UNIT
