"""A model server, and every provider configured to talk to it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from agent_runtime.models import ModelOptions, ModelReference, Providers, open_chat_model
from agent_runtime.models.streamed_model import RuntimeChatModel
from tests.support.model_server import ModelServer, running_model_server

MODEL_OF_PROVIDER = {
    "openai": "gpt-4o-mini",
    "local": "scripted-model",
    "anthropic": "claude-opus-5",
    "google": "gemini-2.5-pro",
    "bedrock": "amazon.nova-lite-v1:0",
}
SECRET = "sekret-0123456789-abcdef"

OpenModel = Callable[..., RuntimeChatModel]


def environment_for(url: str, key: str = SECRET) -> dict[str, str]:
    """The usual variables of every provider, all pointing at the server."""
    return {
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_API_KEY": key,
        "ANTHROPIC_BASE_URL": url,
        "GOOGLE_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
    }


def providers_for(url: str, key: str = SECRET) -> Providers:
    """Providers for the server, with an OpenAI-compatible endpoint `local` that needs no key."""
    local = f'{{"local": {{"base_url": "{url}/v1", "api_key": null}}}}'
    return Providers.from_environment(environment_for(url, key), local)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with running_model_server() as running:
        yield running
        assert running.book.violations == []


@pytest.fixture
async def open_model(server: ModelServer) -> AsyncIterator[OpenModel]:
    """Opens a provider's model against the server and closes it at the end."""
    closers: list[Callable[[], Awaitable[None]]] = []

    def open_one(provider: str, *, model: str | None = None, key: str = SECRET, **options: float) -> RuntimeChatModel:
        reference = ModelReference(provider, model or MODEL_OF_PROVIDER[provider])
        opened = open_chat_model(reference, ModelOptions(**options), providers_for(server.url, key))  # type: ignore[arg-type]
        closers.append(opened.aclose)
        return opened

    yield open_one
    for close in closers:
        await close()


@pytest.fixture(params=sorted(MODEL_OF_PROVIDER))
def provider(request: pytest.FixtureRequest) -> str:
    """Each provider in turn."""
    return str(request.param)
