"""The one middleware: what happens around every model call and every tool call of an agent."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import structlog
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command

from agent_runtime import fault_points
from agent_runtime.agent.attempt_context import AttemptContext
from agent_runtime.agent.fallback import call_first_available
from agent_runtime.agent.history import repaired
from agent_runtime.agent.metering import metered, reservation_for
from agent_runtime.agent.tool_gate import (
    Give,
    Run,
    decide,
    edited_note,
    finished_row,
    started_row,
    stop_for_person,
    unknown_row,
)
from agent_runtime.agent.tool_result import (
    RECALL,
    failed_result,
    kept_part,
    long_text,
    malformed_results,
    shortened,
    unfinished,
)
from agent_runtime.domain.errors import AgentRuntimeError, ModelCallFailed, TaskFailed, ToolFailed
from agent_runtime.domain.human_request import Question, Why
from agent_runtime.tools import call_environment
from agent_runtime.tools.outcome import CallOutcomeUnknown
from agent_runtime.tools.server_tool import declarations, server_tool

_log = structlog.get_logger("agent")
ToolAnswer = ToolMessage | Command[Any]
# How often a model may call tools with arguments that are no JSON before the attempt fails.
_MALFORMED_REPLIES = 3


class RuntimeMiddleware(AgentMiddleware[Any, AttemptContext, Any]):
    """Durability, limits, metering and valid histories around LangChain's agent loop."""

    async def awrap_model_call(
        self, request: ModelRequest[AttemptContext], handler: Callable[[ModelRequest[AttemptContext]], Awaitable[Any]]
    ) -> ModelResponse[Any]:
        """Call the model; a reply whose tool calls are all malformed is answered and asked again, a few times."""
        context = request.runtime.context
        asked: list[AnyMessage] = []
        for _ in range(_MALFORMED_REPLIES):
            response = await self._call(context, request, handler, again=bool(asked))
            reply = _reply_of(response)
            if reply is None or not reply.invalid_tool_calls:
                return ModelResponse([*asked, *response.result], response.structured_response) if asked else response
            if reply.tool_calls:
                answered = [*asked, *response.result, *malformed_results(reply)]
                return ModelResponse(answered, response.structured_response)
            asked += [reply, *malformed_results(reply)]
            request = request.override(messages=[*request.messages, reply, *malformed_results(reply)])
        raise TaskFailed("provider_error", "the model kept calling tools with malformed arguments", retryable=True)

    async def _call(
        self,
        context: AttemptContext,
        request: ModelRequest[AttemptContext],
        handler: Callable[[ModelRequest[AttemptContext]], Awaitable[Any]],
        *,
        again: bool,
    ) -> ModelResponse[Any]:
        """Start a model call only when all before it is durable and paid for; meter its reply at once.

        The replies that a step asked for `again` stay together until its checkpoint, which then has their whole cost.
        """
        session = context.session
        context.check_steps()
        offered = declarations(context.services)
        if offered:
            request = request.override(tools=[*request.tools, *offered])
        history = repaired(request.messages)
        if history is not request.messages:
            request = request.override(messages=history)
        reservation = reservation_for(context, request, besides=session.unwritten_cost if again else 0)
        flushed = await session.durable(reservation, keep_calls=again)
        try:
            await context.check_budgets(flushed, paid=reservation is not None)
        except BaseException:
            # The call is not made, so nothing of it may be charged.
            session.release_reservation()
            raise
        session.node_name = "model"
        fault_points.reach("model.before_call")
        began = time.monotonic()
        try:
            choice, response = await call_first_available(context.models, context.health, request, handler)
        except ModelCallFailed:
            session.release_reservation()
            raise
        fault_points.reach("model.returned")
        reply = _reply_of(response)
        if reply is not None:
            call = metered(choice, request, reply, reservation, time.monotonic() - began)
            if choice is not context.models[0]:
                call = replace(call, instead_of=context.models[0].name)
            session.add_call(call, reply)
            _log.info(
                "model_called",
                node="model",
                model=f"{call.provider}/{call.model}",
                input_tokens=call.input_tokens,
                output_tokens=call.output_tokens,
                cost_microdollars=call.cost,
                duration_ms=call.duration_ms,
            )
        return cast("ModelResponse[Any]", response)

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolAnswer]]
    ) -> ToolAnswer:
        """Start a tool call when the gate lets it and the model's decision is durable.

        A tool that is safe to repeat need not wait: it starts while the decision becomes durable. One that is not has
        its intent committed first and its result recorded, so that nobody has to guess after a crash.
        """
        context, call = cast("AttemptContext", request.runtime.context), request.tool_call
        context.check_steps()
        if request.tool is None and (tool := server_tool(context.services, call["name"])) is not None:
            request = request.override(tool=tool)
        policy = context.policy_of(call["name"])
        decision = decide(request, policy, context.past, context.concern_of(call["name"]))
        context.session.node_name = "tools"
        if isinstance(decision, Question):
            context.questions.append(decision)
            if decision.reason == Why.OUTCOME_UNKNOWN:
                context.session.record_tool_call(unknown_row(call))
            raise stop_for_person(decision)
        if isinstance(decision, Give):
            if decision.row is not None:
                context.session.record_tool_call(decision.row)
            return decision.message
        await self._ready(context, call, decision, early=policy.safe_to_repeat and not policy.leaves_traces)
        edited = decision.arguments is not call["args"]
        if edited:
            request = request.override(tool_call={**call, "args": dict(decision.arguments)})
        answer, unknown = await self._run(context, request, handler)
        if isinstance(answer, ToolMessage):
            answer = edited_note(answer, decision.arguments) if edited else answer
            if decision.recorded:
                context.session.record_tool_call(finished_row(call, answer, unknown=unknown))
        return answer

    async def _ready(self, context: AttemptContext, call: ToolCall, run: Run, *, early: bool) -> None:
        """Return when a call may start: what led to it and its intent are durable, and no budget is reached."""
        session = context.session
        if early and not run.recorded and context.budget_is_far():
            session.durable_soon()
            return
        # A call that a budget holds back has not been started, and nothing may say so.
        if not run.recorded or not context.budget_is_far():
            await context.check_budgets(await session.durable(), paid=False)
        if run.recorded:
            session.record_tool_call(started_row(call, run))
            await session.durable()

    async def _run(
        self,
        context: AttemptContext,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolAnswer]],
    ) -> tuple[ToolAnswer, bool]:
        """Run a tool; one that fails gives the model an error. The second part: nobody knows whether it took effect."""
        unknown = False
        fault_points.reach("tool.before_call")
        began = time.monotonic()
        token = call_environment.enter(context.environment_of(request.tool_call["id"] or ""))
        deadline = asyncio.timeout(context.tool_seconds)
        try:
            async with deadline:
                answer = await handler(request)
        except ToolFailed as error:
            unknown = isinstance(error, CallOutcomeUnknown)
            answer = failed_result(request.tool_call, error)
        except TimeoutError as error:
            unknown = deadline.expired()
            answer = failed_result(request.tool_call, unfinished(context.tool_seconds) if unknown else error)
        except (GraphBubbleUp, AgentRuntimeError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is an answer to the model, not a failure of the task
            answer = failed_result(request.tool_call, error)
        finally:
            call_environment.leave(token)
        fault_points.reach("tool.after_call")
        failed = isinstance(answer, ToolMessage) and answer.status == "error"
        duration_ms = round((time.monotonic() - began) * 1000)
        context.session.tool_took(request.tool_call["id"] or "", duration_ms)
        _log.info("tool_called", node="tools", tool=request.tool_call["name"], failed=failed, duration_ms=duration_ms)
        return (await _within_bounds(answer, context) if isinstance(answer, ToolMessage) else answer), unknown


async def _within_bounds(answer: ToolMessage, context: AttemptContext) -> ToolMessage:
    """A result that the conversation can hold; a longer one is kept whole beside it, to be recalled in pieces."""
    text = long_text(answer)
    if text is None:
        return answer
    results, config = context.services.results, context.config
    if results is not None:
        kept, left_out = kept_part(text)
        await results.keep(answer.tool_call_id, kept, left_out)
    recallable = results is not None and config is not None and RECALL in config.allowed_tools
    return shortened(answer, text, recallable=recallable)


def _reply_of(response: ModelResponse[Any]) -> AIMessage | None:
    return next((message for message in response.result if isinstance(message, AIMessage)), None)
