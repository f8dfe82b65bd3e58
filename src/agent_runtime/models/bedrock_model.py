"""Amazon Bedrock through its Converse API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx2
from langchain_aws import ChatBedrockConverse
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from agent_runtime.models.bedrock_client import client_arguments, open_runtime_client, stream_in_thread
from agent_runtime.models.http_clients import http_client
from agent_runtime.models.open_model import OpenedModel
from agent_runtime.models.providers import ModelOptions, ProviderSettings


class AbortableBedrockModel(ChatBedrockConverse):
    """The library's model with a stream that can be cancelled."""

    http: httpx2.AsyncClient = Field(exclude=True, repr=False)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in stream_in_thread(partial(self._stream, messages, stop, None, **kwargs), self.http):
            # Headers of the HTTP reply would be stored with every message and say nothing later.
            chunk.message.response_metadata.pop("ResponseMetadata", None)
            yield chunk


def open_provider_model(settings: ProviderSettings, model_id: str, options: ModelOptions) -> OpenedModel:
    """A Bedrock model. Streaming is said to work: for ids that the library does not know it would switch it off."""
    arguments: dict[str, Any] = {
        "model": model_id,
        "client": open_runtime_client(settings),
        "region_name": client_arguments(settings)["region_name"],
        "max_tokens": options.sent_max_output_tokens,
        "disable_streaming": False,
    }
    if options.temperature is not None:
        arguments["temperature"] = options.temperature
    if model_id.startswith("arn:"):
        # An ARN does not name the maker of the model, and the library insists on one; it only shapes tool choice.
        arguments["provider"] = "anthropic"
    client = http_client(options)
    return OpenedModel(AbortableBedrockModel(http=client, **arguments), client.aclose)
