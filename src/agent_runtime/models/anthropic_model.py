"""Anthropic's Messages API."""

from __future__ import annotations

from typing import Any

import anthropic
from langchain_anthropic import ChatAnthropic
from pydantic import SecretStr

from agent_runtime.models.http_clients import http_client
from agent_runtime.models.open_model import OpenedModel
from agent_runtime.models.providers import ModelOptions, ProviderSettings


def open_provider_model(settings: ProviderSettings, model_id: str, options: ModelOptions) -> OpenedModel:
    """An Anthropic model with a client of its own: the library's shared one is bound to the first event loop."""
    arguments: dict[str, Any] = {
        "model": model_id,
        "api_key": SecretStr(settings.api_key or ""),
        "max_tokens": options.sent_max_output_tokens,
        "max_retries": 0,
    }
    if settings.base_url is not None:
        arguments["base_url"] = settings.base_url
    if options.temperature is not None:
        arguments["temperature"] = options.temperature
    model = ChatAnthropic(**arguments)
    client = http_client(options)
    model.__dict__["_async_client"] = anthropic.AsyncAnthropic(
        api_key=settings.api_key, base_url=settings.base_url, max_retries=0, timeout=client.timeout, http_client=client
    )
    return OpenedModel(model, client.aclose)
