"""Models known offline, with prices and limits."""

import pytest

from agent_runtime.models import ModelRecord, catalog
from agent_runtime.models.model_catalog import describe, is_for_agents


def found(provider: str, model_id: str) -> ModelRecord:
    return next(record for record in catalog() if (record.provider, record.model_id) == (provider, model_id))


def test_every_provider_is_in_the_catalog_once_per_model() -> None:
    records = catalog()
    assert {record.provider for record in records} == {"openai", "anthropic", "google", "bedrock", "scripted"}
    assert len({(record.provider, record.model_id) for record in records}) == len(records) > 100


def test_a_known_model_has_price_and_input_window() -> None:
    record = found("openai", "gpt-5.1")
    assert (record.input_price, record.output_price, record.cache_read_price) == (1_250_000, 10_000_000, 125_000)
    assert record.context_window == 272_000, "the input limit, not input and output together"
    assert record.price_source == "catalog"


def test_a_tiered_price_is_its_base() -> None:
    assert found("google", "gemini-2.5-pro").input_price == 1_250_000


def test_an_unknown_price_is_none_and_says_so() -> None:
    record = describe("openai", "openai", "gpt-from-the-future")
    assert (record.input_price, record.output_price, record.price_source) == (None, None, "unknown")
    assert found("scripted", "unpriced").price_source == "unknown"
    assert found("scripted", "default").input_price == 0


def test_an_endpoint_of_ones_own_has_no_price_of_openai() -> None:
    assert describe("ollama", "openai", "gpt-4o").input_price is None


@pytest.mark.parametrize("model_id", ["text-embedding-3-small", "whisper-1", "gpt-4o-realtime-preview", "dall-e-3"])
def test_models_that_agents_cannot_use_are_left_out(model_id: str) -> None:
    assert not is_for_agents("openai", model_id)
