"""What is known about models before anybody is asked: prices from genai-prices, limits from the provider profiles.

Offline and deterministic; the tables are loaded at the first call, not at import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agent_runtime.domain.price import Price
from agent_runtime.models.model_record import ModelRecord
from agent_runtime.models.profiles import Profile, can_converse, profile_of, profiles_of
from agent_runtime.models.providers import SCRIPTED

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

MICRODOLLARS = 1_000_000
CATALOG_KINDS = ("openai", "anthropic", "google", "bedrock")

_PRICE_TABLE_OF_KIND = {"openai": "openai", "anthropic": "anthropic", "google": "google", "bedrock": "aws"}
_OWN_MODELS = {
    "openai": re.compile(r"^(?:gpt-|o\d|chatgpt-|codex-)"),
    "anthropic": re.compile(r"^claude-"),
    "google": re.compile(r"^(?:gemini|gemma)-"),
    "bedrock": re.compile(r"^(?!regional\.)[a-z0-9-]+\.[a-z]"),
}
_NOT_FOR_AGENTS = re.compile(
    r"embed|tts|whisper|audio|image|realtime|transcribe|moderation|dall-e|sora|turbo-instruct|-live|veo|sonic"
)

SCRIPTED_MODELS = (
    ModelRecord(SCRIPTED, "default", "Scripted model", True, 200_000, 8_192, 0, 0, 0, 0, "catalog"),
    ModelRecord(
        provider=SCRIPTED,
        model_id="priced",
        display_name="Scripted model with a price",
        context_window=200_000,
        max_output_tokens=8_192,
        input_price=1_000_000,
        output_price=2_000_000,
        cache_read_price=100_000,
        cache_write_price=1_250_000,
        price_source="catalog",
    ),
    ModelRecord(SCRIPTED, "unpriced", "Scripted model without a known price", True, 200_000, 8_192),
)


def catalog() -> list[ModelRecord]:
    """Every model known beforehand: the scripted ones and those of OpenAI, Anthropic, Google and Bedrock.

    The first call loads the tables, which takes about a second: make it in a thread.
    """
    return [*SCRIPTED_MODELS, *_provider_models()]


def describe(provider: str, kind: str, model_id: str, display_name: str | None = None) -> ModelRecord:
    """One model with the price and limits that the tables hold; None where they hold nothing.

    `provider` is the registered name. Endpoints that merely speak OpenAI's protocol get no price of OpenAI's.
    """
    if provider != kind:
        return ModelRecord(provider, model_id, display_name or model_id)
    profile, info = profile_of(kind, model_id), _price_entry(kind, model_id)
    price = _price(info) if info is not None else Price(None, None)
    known = price.input_price is not None and price.output_price is not None
    return ModelRecord(
        provider=provider,
        model_id=model_id,
        display_name=display_name or _display_name(profile, info, model_id),
        context_window=profile.get("max_input_tokens") or (info.context_window if info is not None else None),
        max_output_tokens=profile.get("max_output_tokens") or None,
        input_price=price.input_price,
        output_price=price.output_price,
        cache_read_price=price.cache_read_price,
        cache_write_price=price.cache_write_price,
        price_source="catalog" if known else "unknown",
    )


def is_for_agents(kind: str, model_id: str) -> bool:
    """Whether a model that a provider lists can serve an agent: text out, tool calls, not an audio or image model."""
    if _NOT_FOR_AGENTS.search(model_id):
        return False
    profile = profile_of(kind, model_id)
    return can_converse(profile) if profile else bool(_OWN_MODELS[kind].match(model_id))


@lru_cache(maxsize=1)
def _provider_models() -> tuple[ModelRecord, ...]:
    return tuple(record for kind in CATALOG_KINDS for record in _models_of(kind))


def _models_of(kind: str) -> Iterator[ModelRecord]:
    listed = dict.fromkeys([*profiles_of(kind), *_priced_model_ids(kind)])
    for model_id in listed:
        if not is_for_agents(kind, model_id):
            continue
        record = describe(kind, kind, model_id)
        if record.price_source == "catalog":
            yield record


def _priced_model_ids(kind: str) -> Iterator[str]:
    table = _PRICE_TABLE_OF_KIND[kind]
    for provider in _snapshot().providers:
        if provider.id == table:
            yield from (model.id for model in provider.models if _OWN_MODELS[kind].match(model.id))


@lru_cache(maxsize=1)
def _snapshot() -> Any:
    from genai_prices import data_snapshot

    return data_snapshot.get_snapshot()


def _price_entry(kind: str, model_id: str) -> ModelInfo | None:
    try:
        _, info = _snapshot().find_provider_model(model_id, None, _PRICE_TABLE_OF_KIND[kind], None)
    except LookupError:
        return None
    found: ModelInfo = info
    return found


def _price(info: ModelInfo) -> Price:
    prices = info.get_prices(datetime.now(UTC))
    return Price(
        input_price=_microdollars(prices.input_mtok),
        output_price=_microdollars(prices.output_mtok),
        cache_read_price=_microdollars(prices.cache_read_mtok),
        cache_write_price=_microdollars(prices.cache_write_mtok),
    )


def _microdollars(dollars: Any) -> int | None:
    """Dollars per million tokens to microdollars; of a tiered price the base, which holds up to the first tier."""
    value = getattr(dollars, "base", dollars)
    if value is None:
        return None
    return int((Decimal(value) * MICRODOLLARS).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _display_name(profile: Profile, info: ModelInfo | None, model_id: str) -> str:
    return str(profile.get("name") or (info.name if info is not None else None) or model_id)
