"""One checkpoint, readable."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent_runtime.api.schemas.answers import Checkpoint
from agent_runtime.api.schemas.fields import AnswerModel, Text
from agent_runtime.api.schemas.lists import Whole


class MessagesQuery(BaseModel):
    """How much of the history."""

    model_config = ConfigDict(extra="forbid")

    limit: Whole = Field(200, ge=1, le=200)
    cursor: Annotated[Text, Field(min_length=1, max_length=2_000)] | None = None


class StateMessage(AnswerModel):
    """One message of the history. `other_content` names parts that are no text, such as reasoning."""

    sequence: int
    role: Literal["user", "assistant", "tool", "system", "removal", "unknown"]
    text: str
    tool_calls: list[dict[str, Any]]
    tool_call_id: str | None
    tool_name: str | None
    is_error: bool | None
    other_content: list[str]
    truncated_bytes: int


class CheckpointState(AnswerModel):
    """What the graph keeps: the newest messages of its history, in order, its plan, its files, and its other values."""

    message_count: int
    messages: list[StateMessage]
    plan: Any
    files: Any
    values: dict[str, Any]


class ChannelChange(AnswerModel):
    """One value that a step changed."""

    channel: str
    before: Any
    after: Any


class CheckpointDifference(AnswerModel):
    """What a step changed. Of the messages it added the first 200."""

    parent_checkpoint_id: str | None
    messages_added_count: int
    messages_added: list[StateMessage]
    messages_removed_count: int
    channels_changed: list[ChannelChange]


class CheckpointDetail(Checkpoint):
    """A checkpoint with its state; `problem` says why when the state cannot be read."""

    state: CheckpointState | None
    difference: CheckpointDifference | None
    problem: str | None
    next_cursor: str | None
