"""Google's Gemini API."""

from __future__ import annotations

from typing import Any

from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from agent_runtime.models.open_model import OpenedModel
from agent_runtime.models.providers import ModelOptions, ProviderSettings

ONE_ATTEMPT = 1
"""Google's SDK counts attempts, not retries."""


def open_provider_model(settings: ProviderSettings, model_id: str, options: ModelOptions) -> OpenedModel:
    """A Gemini model with the Developer API's key."""
    arguments: dict[str, Any] = {
        "model": model_id,
        "api_key": SecretStr(settings.api_key or ""),
        "max_output_tokens": options.sent_max_output_tokens,
        "max_retries": ONE_ATTEMPT,
        "timeout": options.timeout_seconds + 10.0,
        "vertexai": False,
        # Said even when unset: the library would otherwise choose one of its own.
        "temperature": options.temperature,
    }
    if settings.base_url is not None:
        arguments["base_url"] = settings.base_url
    model = ChatGoogleGenerativeAI(**arguments)
    return OpenedModel(model, model.async_client.aclose if model.async_client is not None else None)
