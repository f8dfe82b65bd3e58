"""The chat model that agents get for every real provider: it streams, watches, and answers whole replies or one error.

It drives the provider's langchain model through `_astream`, the hook below langchain's own callbacks, so that a call
counts as one model run in traces and the watchdog sees each parsed piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding
from pydantic import ConfigDict, Field, PrivateAttr

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.models.failures import broken_reply, classify_failure
from agent_runtime.models.live_tokens import token_sink
from agent_runtime.models.providers import ModelOptions, ModelReference, ProviderSettings
from agent_runtime.models.reply import ReplyBuilder, finish_reason_of, finished_message, has_content

MOST_CACHED_BINDINGS = 32


class RuntimeChatModel(BaseChatModel):
    """What all our chat models share: the reference they were opened with, and async use only."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reference: ModelReference
    options: ModelOptions = Field(default_factory=ModelOptions)

    @property
    def model_name(self) -> str:
        """The provider's model id; langchain and tracers look for it under this name."""
        return self.reference.model_id

    @property
    def _llm_type(self) -> str:
        return f"agent-runtime-{self.reference.provider}"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.reference.model_id,
            "provider": self.reference.provider,
            "temperature": self.options.temperature,
            "max_tokens": self.options.sent_max_output_tokens,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(
            ls_provider=self.reference.provider, ls_model_name=self.reference.model_id, ls_model_type="chat"
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError(f"{self.reference} can only be called asynchronously: use ainvoke")

    async def aclose(self) -> None:
        """Close what the model holds open; calls under way fail."""


class StreamedChatModel(RuntimeChatModel):
    """A provider's model behind the watchdog. Raises ModelCallFailed and nothing else, cancellation apart."""

    inner: BaseChatModel = Field(exclude=True, repr=False)
    settings: ProviderSettings = Field(exclude=True, repr=False)
    close: Callable[[], Awaitable[None]] | None = Field(default=None, exclude=True, repr=False)
    _bindings: dict[Any, tuple[Any, Runnable[LanguageModelInput, AIMessage]]] = PrivateAttr(default_factory=dict)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self.inner.profile

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools in the form that the provider wants. Agents bind at every call, so bindings are remembered."""
        key = (tuple(map(id, tools)), tool_choice, repr(sorted(kwargs.items())))
        remembered = self._bindings.get(key)
        if remembered is not None:
            return remembered[1]
        bound = self.inner.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        if not isinstance(bound, RunnableBinding):
            raise TypeError(f"{type(self.inner).__name__}.bind_tools answered {type(bound).__name__}, not a binding")
        ours = self.bind(**bound.kwargs)
        if len(self._bindings) >= MOST_CACHED_BINDINGS:
            self._bindings.clear()
        # The tools are kept with the binding: an id may be used again once its object is gone.
        self._bindings[key] = (tuple(tools), ours)
        return ours

    async def aclose(self) -> None:
        """Close the provider's HTTP connections."""
        if self.close is not None:
            await self.close()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = ReplyBuilder()
        # The hook that every langchain model implements; its public caller would count one more model run.
        stream = self.inner._astream(messages, stop=stop, **kwargs)  # noqa: SLF001
        await self._read(stream, reply, run_manager)
        message = self._accept(reply, messages)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _read(
        self,
        stream: AsyncIterator[ChatGenerationChunk],
        reply: ReplyBuilder,
        run_manager: AsyncCallbackManagerForLLMRun | None,
    ) -> None:
        """Read the stream to its end under three deadlines: first content, gap between contents, whole call."""
        loop = asyncio.get_running_loop()
        listeners = _Listeners(run_manager)
        ends = loop.time() + self.options.timeout_seconds
        deadline = asyncio.timeout_at(min(loop.time() + self.options.first_byte_seconds, ends))
        try:
            async with deadline, aclosing(stream) as chunks:  # type: ignore[type-var]
                async for piece in chunks:
                    chunk = _whole_chunk(piece)
                    if has_content(chunk):
                        deadline.reschedule(min(loop.time() + self.options.stall_seconds, ends))
                        await listeners.hear(piece, chunk)
                    reply.add(chunk)
        except ModelCallFailed:
            raise
        except Exception as error:  # noqa: BLE001  a provider's SDK may raise anything at all
            if deadline.expired():
                raise broken_reply(self._silence(reply, over=loop.time() >= ends), self.reference) from None
            raise classify_failure(error, self.settings, self.reference) from None

    def _silence(self, reply: ReplyBuilder, *, over: bool) -> str:
        if over:
            return f"the call was not done after {self.options.timeout_seconds:g} s and was aborted"
        if reply.pieces == 0:
            return f"no answer began within {self.options.first_byte_seconds:g} s, the call was aborted"
        return f"the stream stalled, no new content for {self.options.stall_seconds:g} s, the call was aborted"

    def _accept(self, reply: ReplyBuilder, history: list[BaseMessage]) -> AIMessage:
        """The finished message, or ModelCallFailed when the stream ended without saying why it stopped."""
        whole = reply.whole()
        if whole is None:
            raise broken_reply("the provider answered nothing that is part of a model's reply", self.reference)
        reason = finish_reason_of(whole)
        if reason is None:
            raise broken_reply("the stream broke off before the reply was finished", self.reference)
        if reason == "malformed":
            raise broken_reply("the model wrote a tool call that its provider could not read", self.reference)
        return finished_message(whole, history)


class _Listeners:
    """Who wants each piece as it comes: the token sink and langchain's callbacks. Often nobody."""

    def __init__(self, run_manager: AsyncCallbackManagerForLLMRun | None) -> None:
        self._sink = token_sink.get()
        self._run_manager = run_manager if run_manager is not None and run_manager.handlers else None

    async def hear(self, piece: ChatGenerationChunk, chunk: AIMessageChunk) -> None:
        if self._sink is not None and (text := str(chunk.text)):
            self._sink(text)
        if self._run_manager is not None:
            await self._run_manager.on_llm_new_token(str(chunk.text), chunk=piece)


def _whole_chunk(piece: ChatGenerationChunk) -> AIMessageChunk:
    """The message of a piece with the piece's own metadata in it: OpenAI puts the finish reason there."""
    message = piece.message
    if not isinstance(message, AIMessageChunk):
        raise TypeError(f"the provider streamed a {type(message).__name__} instead of a piece of a reply")
    if piece.generation_info:
        message.response_metadata = {**piece.generation_info, **message.response_metadata}
    return message
