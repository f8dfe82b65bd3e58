"""Opens a chat model by reference. The provider's SDK is imported here, at the first model of that provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from langchain_core.language_models.chat_models import BaseChatModel

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.models.failures import clean
from agent_runtime.models.providers import SCRIPTED, ModelOptions, ModelReference, Providers, ProviderSettings
from agent_runtime.models.scripted_model import ScriptedChatModel
from agent_runtime.models.streamed_model import RuntimeChatModel, StreamedChatModel


class OpenedModel(NamedTuple):
    """A provider's own model, and how to close its connections."""

    model: BaseChatModel
    close: Callable[[], Awaitable[None]] | None = None


class _Opener(Protocol):
    def open_provider_model(self, settings: ProviderSettings, model_id: str, options: ModelOptions) -> OpenedModel:
        """Build the provider's model with its own retries off."""


_OPENER_OF_KIND = {
    "openai": "agent_runtime.models.openai_model",
    "anthropic": "agent_runtime.models.anthropic_model",
    "google": "agent_runtime.models.google_model",
    "bedrock": "agent_runtime.models.bedrock_model",
}


def open_chat_model(reference: ModelReference, options: ModelOptions, providers: Providers) -> RuntimeChatModel:
    """A chat model ready for `ainvoke` and `bind_tools`; opening makes no network call. Callers keep it for reuse.

    The first model of a provider loads its SDK, which takes seconds: open models in a thread (`asyncio.to_thread`).

    Raises ModelCallFailed: `provider_missing` naming the variable to set, or `invalid_config` when the provider's
    library refuses the options.
    """
    settings = providers.require(reference)
    if settings.kind == SCRIPTED:
        return ScriptedChatModel(reference=reference, options=options)
    opener = cast(_Opener, import_module(_OPENER_OF_KIND[settings.kind]))
    try:
        opened = opener.open_provider_model(settings, reference.model_id, options)
    except Exception as error:  # noqa: BLE001  each library refuses options in its own way
        raise ModelCallFailed(
            f"{reference} cannot be opened: {clean(f'{type(error).__name__}: {error}', settings)}; "
            "check the agent's options and the provider's settings",
            code="invalid_config",
            provider=reference.provider,
            model=reference.model_id,
        ) from None
    return StreamedChatModel(
        reference=reference, options=options, inner=opened.model, settings=settings, close=opened.close
    )
