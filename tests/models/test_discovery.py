"""Asking providers for their models; one that fails is reported and nothing else."""

from agent_runtime.models import Providers, discover
from tests.models.conftest import SECRET, environment_for, providers_for
from tests.support.model_server import ModelServer


async def test_every_configured_provider_is_asked(server: ModelServer) -> None:
    problems: list[tuple[str, str]] = []
    records = await discover(
        providers_for(server.url), on_problem=lambda name, problem: problems.append((name, problem))
    )
    found = {(record.provider, record.model_id) for record in records}
    assert problems == []
    assert {("openai", "gpt-4o-mini"), ("openai", "scripted-model"), ("local", "scripted-model")} <= found
    assert {
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
        ("bedrock", "amazon.nova-lite-v1:0"),
    } <= found
    assert ("google", "gemini-embedding-001") not in found
    assert ("scripted", "default") in found
    priced = next(record for record in records if (record.provider, record.model_id) == ("openai", "gpt-4o-mini"))
    assert priced.input_price == 150_000


async def test_a_provider_that_cannot_be_asked_is_reported_without_its_key(server: ModelServer) -> None:
    environment = environment_for(server.url, "wrong-key-0123456789") | {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    providers = Providers.from_environment(environment, f'{{"local": {{"base_url": "{server.url}/v1"}}}}')
    problems: dict[str, str] = {}
    records = await discover(providers, on_problem=problems.__setitem__)
    assert {"openai", "google", "anthropic"} <= set(problems)
    assert "refuses the key" in problems["openai"]
    assert "cannot be reached" in problems["anthropic"]
    assert "wrong-key" not in str(problems)
    assert {record.provider for record in records} >= {"local", "scripted"}


async def test_a_provider_that_hangs_does_not_hold_up_the_rest(server: ModelServer) -> None:
    import asyncio

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    hanging = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]}"
    environment = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": url}
    problems: dict[str, str] = {}
    try:
        await discover(Providers.from_environment(environment), timeout_seconds=0.3, on_problem=problems.__setitem__)
    finally:
        hanging.close()
    assert "within 0.3 s" in problems["openai"]
