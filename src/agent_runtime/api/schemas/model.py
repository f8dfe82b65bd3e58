"""Requests about models."""

from typing import Annotated

from pydantic import Field

from agent_runtime.api.schemas.agent import DisplayName
from agent_runtime.api.schemas.fields import RequestModel, Text

Price = Annotated[int, Field(ge=0, le=10**15)]
Tokens = Annotated[int, Field(ge=1, le=2_147_483_647)]
Provider = Annotated[Text, Field(min_length=1, max_length=64)]
ModelId = Annotated[Text, Field(min_length=1, max_length=200)]


class ChangeModelRequest(RequestModel):
    """What to set by hand; prices in microdollars per million tokens, null for unknown."""

    display_name: DisplayName | None = None
    is_active: bool | None = None
    context_window: Tokens | None = None
    max_output_tokens: Tokens | None = None
    input_price: Price | None = None
    output_price: Price | None = None
    cache_read_price: Price | None = None
    cache_write_price: Price | None = None


class CreateModelRequest(ChangeModelRequest):
    """A model to add by hand."""

    provider: Provider
    model_id: ModelId
