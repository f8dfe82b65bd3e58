"""Keys of model providers: what is sent and what is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from agent_runtime.api.schemas.fields import AnswerModel, RequestModel, Text


class ProviderKeyRequest(RequestModel):
    """A key to keep."""

    api_key: Annotated[Text, Field(min_length=1, max_length=1_000, pattern=r"^[!-~]+$")]


class Provider(AnswerModel):
    """A provider whose key may be kept. `key_from` says which key is used: the environment's wins."""

    provider: str
    api_key_set: bool
    api_key_last4: str | None
    key_from: Literal["environment", "database"] | None
    updated_at: datetime | None


class ProviderList(AnswerModel):
    """All of them."""

    items: list[Provider]
    next_cursor: str | None
