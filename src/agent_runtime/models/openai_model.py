"""OpenAI, and every server that speaks its chat completions protocol."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import SecretStr

from agent_runtime.models.http_clients import http_client
from agent_runtime.models.open_model import OpenedModel
from agent_runtime.models.providers import ModelOptions, ProviderSettings


class CompatibleChatModel(BaseChatOpenAI):
    """Chat completions as other servers know them: `max_tokens`, and thinking in a field of its own.

    Thinking is kept apart from the text, so that a model that thinks for minutes does not look stalled.
    """

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        converted = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        thinking = _thinking(chunk)
        if converted is not None and thinking and isinstance(converted.message, AIMessageChunk):
            converted.message.additional_kwargs["reasoning_content"] = thinking
        return converted


def open_provider_model(settings: ProviderSettings, model_id: str, options: ModelOptions) -> OpenedModel:
    """An OpenAI or compatible model. Usage is asked for explicitly: with a base URL of ours it would be left out."""
    client = http_client(options)
    arguments: dict[str, Any] = {
        "model": model_id,
        "api_key": SecretStr(settings.api_key or ""),
        "base_url": settings.base_url,
        "max_tokens": options.sent_max_output_tokens,
        "max_retries": 0,
        "stream_usage": True,
        "stream_chunk_timeout": None,
        "timeout": client.timeout,
        "http_async_client": client,
    }
    if options.temperature is not None:
        arguments["temperature"] = options.temperature
    model_class = CompatibleChatModel if settings.is_compatible_endpoint else ChatOpenAI
    return OpenedModel(model_class(**arguments), client.aclose)


def _thinking(chunk: dict[str, Any]) -> str | None:
    choices = chunk.get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    thinking = delta.get("reasoning_content") or delta.get("reasoning")
    return thinking if isinstance(thinking, str) else None
