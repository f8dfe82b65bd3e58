"""Questions to people, and their answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from agent_runtime.api.schemas.fields import AnswerModel, Identifier, RequestModel, Text, at_most_bytes

ANSWER_BYTES = 100 * 1024

Words = Annotated[Text, Field(min_length=1), at_most_bytes(ANSWER_BYTES)]


class ApproveRequest(RequestModel):
    """Run the call that waits, as it is or with other `args`; of unknown outcome, take a `result` or `skip` instead."""

    request_id: Identifier | None = None
    args: dict[str, Any] | None = None
    result: Annotated[Text, at_most_bytes(ANSWER_BYTES)] | None = None
    skip: bool | None = None


class RejectRequest(RequestModel):
    """Do not run the call that waits; the model reads the reason."""

    request_id: Identifier | None = None
    reason: Words


class RespondRequest(RequestModel):
    """Answer the question that waits."""

    request_id: Identifier | None = None
    message: Words


class HumanRequest(AnswerModel):
    """What waits for a person. Money is in microdollars."""

    request_id: str
    task_id: str
    agent_id: str
    kind: str
    prompt: str | None
    tool_name: str | None
    tool_call_id: str | None
    tool_args: Any
    reason: str | None
    details: Any
    cost_so_far_microdollars: int
    created_at: datetime
    expires_at: datetime


class HumanRequestPage(AnswerModel):
    """A page of open requests, newest first."""

    items: list[HumanRequest]
    next_cursor: str | None
