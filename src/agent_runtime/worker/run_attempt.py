"""One attempt of one task, from its claim to its settlement. `run_attempt` reads like a table of contents."""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog

from agent_runtime import fault_points
from agent_runtime.agent.attempt_context import AttemptContext
from agent_runtime.agent.graph import AgentVersion, BuiltAgent, answer_of
from agent_runtime.agent.run_control import GraphDrained, RunControl, first_state
from agent_runtime.agent.tool_gate import PastCalls
from agent_runtime.checkpointer.fence import Fence
from agent_runtime.checkpointer.saver import PostgresSaver
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.agent_config import AgentConfig
from agent_runtime.domain.errors import TaskFailed
from agent_runtime.domain.human_request import PersonNeeded
from agent_runtime.store import budget as budget_store
from agent_runtime.store import lease as lease_store
from agent_runtime.store.human_request import unused_answers
from agent_runtime.store.tool_call import past_calls
from agent_runtime.tools.services import ToolServices
from agent_runtime.worker.attempt_services import AttemptServices, open_services
from agent_runtime.worker.claimed_task import ClaimedTask
from agent_runtime.worker.classify_failure import classify
from agent_runtime.worker.outcome import AskedHuman, Completed, Drained, Dropped, Failed, Outcome
from agent_runtime.worker.settle import settle

_log = structlog.get_logger("worker.attempt")
_RECURSION_MARGIN = 16


@dataclass
class Attempt:
    """A claimed task while it runs here. Others ask it to stop through `drain` and `drop`."""

    task: ClaimedTask
    control: RunControl = field(default_factory=RunControl)
    running: "asyncio.Task[Any] | None" = None
    dropped: str | None = None
    handing_over: bool = False

    def drain(self) -> None:
        """Stop at the next border between two steps."""
        self.control.request_drain("the worker stops")

    def hand_over_now(self) -> None:
        """Stop in the middle of a step; what is durable is kept."""
        self.handing_over = True
        self._cancel()

    def drop(self, why: str) -> None:
        """Stop at once and write nothing: the attempt was ended by somebody else."""
        self.dropped = why
        self._cancel()

    def _cancel(self) -> None:
        if self.running is not None:
            self.running.cancel()


async def run_attempt(attempt: Attempt, services: AttemptServices) -> None:
    """Run a claimed task to an outcome and settle it. Never raises but CancelledError at the process's end."""
    task = attempt.task
    structlog.contextvars.bind_contextvars(task_id=task.task_id, attempt=task.attempt, worker_id=services.worker_id)
    _log.info("attempt_started", agent_id=task.agent_id, run_number=task.run_number)
    fault_points.reach("attempt.started")
    session = _open_session(task, services)
    began = time.monotonic()
    outcome = await _outcome_of(attempt, session, services)
    await services.sandboxes.before_settlement(task, outcome)
    await settle(task, session, outcome, services.backoff)
    await services.sandboxes.after_settlement(task, outcome)
    _log.info("attempt_ended", outcome=type(outcome).__name__, seconds=round(time.monotonic() - began, 3))


def _open_session(task: ClaimedTask, services: AttemptServices) -> Session:
    fence = Fence(task.tenant_id, task.task_id, task.attempt)
    return Session(services.commit, fence, task.task_id, effects_wait=True, nothing_stored=task.first_claim)


async def _outcome_of(attempt: Attempt, session: Session, services: AttemptServices) -> Outcome:
    """Run the graph as a task of its own, so that a request to stop cancels the graph and not the settlement."""
    attempt.running = asyncio.create_task(_run(attempt.task, attempt.control, session, services))
    if attempt.dropped is not None or attempt.handing_over:
        attempt.running.cancel()
    try:
        async with asyncio.timeout(attempt.task.seconds_left):
            output = await asyncio.shield(attempt.running)
        return Completed(json.dumps(output))
    except GraphDrained:
        return Drained()
    except TimeoutError as error:
        return await _timed_out(attempt) if not attempt.running.done() else classify(error)
    except asyncio.CancelledError:
        await _stop(attempt.running)
        if attempt.dropped is not None:
            return Dropped(attempt.dropped)
        if attempt.handing_over:
            return Drained()
        raise
    except Exception as error:  # noqa: BLE001 - an attempt may end with any error; classify says what it means
        outcome = classify(error)
        if not isinstance(outcome, AskedHuman):
            _log.info("attempt_failed", error_type=type(error).__name__, error=str(error)[:500])
        return outcome


async def _timed_out(attempt: Attempt) -> Outcome:
    if attempt.running is not None:
        await _stop(attempt.running)
    return Failed("task_timeout", "the task ran longer than its task_timeout_seconds", "task_timeout")


async def _stop(running: "asyncio.Task[Any]") -> None:
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await running


async def _run(task: ClaimedTask, control: RunControl, session: Session, services: AttemptServices) -> dict[str, Any]:
    agent = await _agent_of(task, services)
    async with AsyncExitStack() as stack:
        tools = await open_services(stack, task, agent.config, services, session)
        context = await _context_for(task, agent, session, services, tools)
        graph_input = await _input_for(task, services)
        saver = PostgresSaver.of_attempt(services.database, services.commit, session)
        stack.enter_context(services.live_text.listening_to(task))
        state = await agent.graph.ainvoke(
            graph_input, _graph_config(task, saver), context=context, durability="sync", control=control
        )
    if (question := context.first_question()) is not None:
        raise PersonNeeded(question, expires_seconds=agent.config.human_input_timeout_seconds)
    return answer_of(state)


def _graph_config(task: ClaimedTask, saver: PostgresSaver) -> Any:
    configurable = {"thread_id": task.task_id, "checkpoint_ns": "", "__pregel_checkpointer": saver}
    return {"configurable": configurable, "recursion_limit": task.max_steps + _RECURSION_MARGIN}


async def _agent_of(task: ClaimedTask, services: AttemptServices) -> BuiltAgent:
    version = AgentVersion(task.tenant_id, task.agent_id, task.config_version, _digest(task.own_config))
    found = services.agents.get(version)
    if found is not None:
        return found
    snapshot = task.own_config or await lease_store.agent_config(
        services.database, task.tenant_id, task.agent_id, task.config_version
    )
    models = AgentConfig.from_snapshot(snapshot).models
    limits = {model: (await services.prices.of(*model)).max_output_tokens for model in models}
    return await services.agents.build(version, snapshot, limits)


def _digest(own_config: Mapping[str, Any] | None) -> str | None:
    if own_config is None:
        return None
    return hashlib.sha256(json.dumps(own_config, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


async def _context_for(
    task: ClaimedTask, agent: BuiltAgent, session: Session, services: AttemptServices, tools: ToolServices
) -> AttemptContext:
    facts = await services.prices.of(agent.config.provider, agent.config.model)
    prices = [(await services.prices.of(each.provider, each.model)).price for each in agent.fallbacks]
    return AttemptContext(
        session=session,
        provider=agent.config.provider,
        model=agent.config.model,
        price=facts.price,
        max_steps=task.max_steps,
        steps_before=task.run_steps,
        cost_before=task.cost,
        task_budget=task.budget_max,
        max_output_tokens=agent.max_output_tokens,
        config=agent.config,
        asks_before_unsafe=task.asks_before_unsafe,
        past=await _past_of(task, services),
        tenant_id=task.tenant_id,
        run_number=task.run_number,
        attempt=task.attempt,
        services=tools,
        fallbacks=tuple(replace(each, price=price) for each, price in zip(agent.fallbacks, prices, strict=True)),
        health=services.agents.health,
        tool_seconds=services.tool_seconds,
        admit=partial(budget_store.admit, services.database, task.tenant_id, task.agent_id, task.task_id, task.attempt),
    )


async def _past_of(task: ClaimedTask, services: AttemptServices) -> PastCalls:
    """What earlier attempts and people left for the calls under way; nothing at a first claim."""
    if task.first_claim:
        return PastCalls()
    calls = await past_calls(services.database, task.tenant_id, task.task_id)
    answers = await unused_answers(services.database, task.tenant_id, task.task_id)
    return PastCalls.of(calls, answers)


async def _input_for(task: ClaimedTask, services: AttemptServices) -> Any:
    """The newest input unless a checkpoint already holds it; then None, which goes on from the newest checkpoint."""
    if task.first_claim:
        return first_state(task.input)
    point = await lease_store.resume_point(services.database, task.tenant_id, task.task_id)
    if point is None or (point["checkpoint_run"] is None and point["input_run"] is None):
        raise TaskFailed("state_corrupt", "the task has neither a checkpoint nor an input")
    checkpoint_run, input_run = point["checkpoint_run"], point["input_run"]
    if input_run is None or (checkpoint_run is not None and checkpoint_run >= input_run):
        return None
    return first_state(point["input"])
