"""The `scripted` provider: a deterministic model that does what the script in the conversation says. Costs nothing,
needs no network, and answers the same at every repeat, so that a step taken twice shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.models.failures import Facts, broken_reply, failed_with_status
from agent_runtime.models.live_tokens import token_sink
from agent_runtime.models.providers import SCRIPTED, ModelReference, ProviderSettings
from agent_runtime.models.reply import UniqueCallIds, parse_arguments
from agent_runtime.models.script import Script, ScriptedError, ScriptInvalid, Turn, echo, parse_script
from agent_runtime.models.streamed_model import RuntimeChatModel

_SETTINGS = ProviderSettings(SCRIPTED, SCRIPTED)


class Place(NamedTuple):
    """Where a conversation stands: its last script, how many replies came after it, and the last thing said."""

    script: Script | None
    position: int
    last_text: str
    spoken_since: bool


class ScriptedChatModel(RuntimeChatModel):
    """Stateless: the position in the script is the number of replies since the message that holds it."""

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Tools are named by the script, so there is nothing to bind."""
        return self

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        turn = next_turn(messages, self.reference)
        if turn.latency_seconds:
            await self._think(turn.latency_seconds)
        if turn.error is not None and turn.error.model in (None, self.reference.model_id):
            raise _failure(turn.error, self.reference)
        if turn.text and (turn.tokens_per_second or token_sink.get() is not None):
            await _speak(turn, token_sink.get())
        return ChatResult(generations=[ChatGeneration(message=message_of(turn, messages, self.reference))])

    async def _think(self, seconds: float) -> None:
        longest = min(self.options.first_byte_seconds, self.options.timeout_seconds)
        await asyncio.sleep(min(seconds, longest))
        if seconds > longest:
            raise broken_reply(f"no answer began within {longest:g} s, the call was aborted", self.reference)


def next_turn(messages: Sequence[BaseMessage], reference: ModelReference) -> Turn:
    """What to answer to this conversation. Raises ModelCallFailed `invalid_config` for a malformed script."""
    try:
        place = find_place(messages)
    except ScriptInvalid as error:
        raise ModelCallFailed(
            f"{reference}: {error}; the form of scripts is described in docs/scripted-model.md",
            code="invalid_config",
            provider=reference.provider,
            model=reference.model_id,
        ) from None
    if place.script is None or (place.spoken_since and place.position >= len(place.script.turns)):
        return echo(place.last_text)
    return place.script.turn(place.position)


def find_place(messages: Sequence[BaseMessage]) -> Place:
    """Look back for the last human message that holds a script, counting the replies on the way."""
    replies, last_text = 0, ""
    spoken = False
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            replies += 1
        elif isinstance(message, HumanMessage):
            text = message.content if isinstance(message.content, str) else str(message.text)
            script = parse_script(text)
            if script is not None:
                return Place(script, replies, last_text, spoken)
            last_text, spoken = last_text if spoken else text, True
    return Place(None, replies, last_text, spoken)


def message_of(turn: Turn, messages: Sequence[BaseMessage], reference: ModelReference) -> AIMessage:
    """The reply of a turn, with usage and ids as a real provider would give them."""
    valid: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    if turn.calls:
        call_ids = UniqueCallIds(messages)
        for number, call in enumerate(turn.calls):
            call_id = call_ids.take(call.call_id or f"call_{call_ids.turn}_{number}")
            arguments, problem = parse_arguments(call.arguments)
            if arguments is None:
                invalid.append(
                    InvalidToolCall(
                        type="invalid_tool_call", name=call.name, args=call.arguments, id=call_id, error=problem
                    )
                )
            else:
                valid.append(ToolCall(type="tool_call", name=call.name, args=arguments, id=call_id))
    reason = turn.finish_reason or ("tool_calls" if turn.calls else "stop")
    return AIMessage(
        content=turn.text,
        tool_calls=valid,
        invalid_tool_calls=invalid,
        usage_metadata=_usage(turn),
        response_metadata={"finish_reason": reason, "model_name": reference.model_id},
    )


def _usage(turn: Turn) -> UsageMetadata:
    usage = UsageMetadata(
        input_tokens=turn.input_tokens,
        output_tokens=turn.output_tokens,
        total_tokens=turn.input_tokens + turn.output_tokens,
    )
    if turn.cache_read_tokens or turn.cache_write_tokens:
        usage["input_token_details"] = InputTokenDetails(
            cache_read=turn.cache_read_tokens, cache_creation=turn.cache_write_tokens
        )
    return usage


def _failure(error: ScriptedError, reference: ModelReference) -> ModelCallFailed:
    facts = Facts(error.status, error.message, {}, error.retry_after_seconds)
    return failed_with_status(facts, _SETTINGS, reference)


async def _speak(turn: Turn, sink: Callable[[str], None] | None) -> None:
    """Say the text word by word, at the script's pace."""
    pause = 1.0 / turn.tokens_per_second if turn.tokens_per_second else 0.0
    for number, word in enumerate(turn.text.split(" ")):
        if pause:
            await asyncio.sleep(pause)
        if sink is not None:
            sink(word if number == 0 else f" {word}")
