"""What one attempt gathers between two flushes, and when it has to become durable.

A checkpoint is not flushed when LangGraph hands it over but when something with an effect is about to start: the next
model call or tool call waits in `durable()`. So the checkpoints of a run's input ride with its first step and the last
one rides with the finish, and still no effect ever starts from a step that a crash could lose.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import WRITES_IDX_MAP

from agent_runtime.checkpointer.checkpoint_codec import checkpoint_row, encode_checkpoint, serializer_for
from agent_runtime.checkpointer.fence import Fence, OpenFence
from agent_runtime.checkpointer.group_commit import Flushed, GroupCommit
from agent_runtime.checkpointer.message_log import MessageLog
from agent_runtime.checkpointer.stored_form import checksum
from agent_runtime.domain.errors import AgentRuntimeError, LeaseLost
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store.flush import CallRow, EventRow, MessageRow, Reservation, Unit, WriteRow
from agent_runtime.store.task_lifecycle import plain_text
from agent_runtime.store.tool_call import ToolCallRow

# A finished parallel tool call becomes durable by itself if its siblings keep the step open for longer than this.
_SIBLING_SECONDS = 0.02
_SOON_SECONDS = 0.005
_MOST_PUT_OFF = 10


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """A checkpoint that is not stored; its child takes its place."""

    checkpoint_id: str
    parent_id: str | None
    new_versions: Mapping[str, Any]


class Session:
    """Gathers units for one attempt (or for one thread of bare use) and hands them to the group commit in order.

    With `effects_wait` the graph's own nodes call `durable()` before every effect; without it (graphs that are not
    ours) every checkpoint is flushed when it is made. `nothing_stored` spares a look at the start of a new task.
    """

    def __init__(
        self,
        commit: GroupCommit,
        fence: Fence | OpenFence,
        task_id: str,
        *,
        effects_wait: bool,
        nothing_stored: bool = False,
    ) -> None:
        self.fence = fence
        self.task_id = task_id
        self.effects_wait = effects_wait
        self.nothing_stored = nothing_stored
        self.node_name: str | None = None
        self.last_flushed = Flushed()
        self.steps = 0
        self.cost = 0
        self._commit = commit
        self._attempt = fence.attempt if isinstance(fence, Fence) else None
        self._flush_number = 0
        self._unit = self._new_unit()
        self._in_order = asyncio.Lock()
        self._failed: AgentRuntimeError | None = None
        self._logs: dict[str, MessageLog] = {}
        self._told: set[tuple[str, int]] = set()
        self._usage_by_message: dict[int, tuple[BaseMessage, CallRow]] = {}
        self._tool_took: dict[str, int] = {}
        self._step_began = time.monotonic()
        self._left_out: _LeftOut | None = None
        self._writing: tuple[Unit, asyncio.Future[Flushed]] | None = None
        self._refused: Unit | None = None
        self._put_off = 0
        self._sibling_timer: asyncio.TimerHandle | None = None
        self._sibling_flush: asyncio.Task[Any] | None = None

    # What the saver hands over

    def log(self, namespace: str) -> MessageLog:
        """The messages of a namespace."""
        return self._logs.setdefault(namespace, MessageLog(namespace))

    def knows(self, namespace: str) -> bool:
        """Whether the stored messages of a namespace were read already."""
        return namespace in self._logs

    def start_from(self, namespace: str, messages: Mapping[int, BaseMessage], next_sequence: int) -> None:
        """Messages that are stored already, as read at the start of the attempt."""
        log = self.log(namespace)
        for sequence, message in messages.items():
            log.remember(sequence, message)
            self._told.add((namespace, sequence))
        log.next_sequence = max(log.next_sequence, next_sequence)

    def add_checkpoint(
        self,
        namespace: str,
        checkpoint: Mapping[str, Any],
        metadata: Mapping[str, Any],
        new_versions: Mapping[str, Any],
        parent_id: str | None,
    ) -> None:
        """A finished super-step. Raises NotStorable.

        What a run is given makes two checkpoints, one with the bare input and one with the input in its channels. Where
        effects wait, nothing can come between them, so that the first is left out of the chain.
        """
        self._stop_sibling_timer()
        if self.effects_wait and metadata.get("source") == "input" and namespace == "":
            self._left_out = _LeftOut(checkpoint["id"], parent_id, new_versions)
            return
        holds_input = self._left_out is not None and parent_id == self._left_out.checkpoint_id
        if self._left_out is not None and holds_input:
            parent_id, new_versions = self._left_out.parent_id, {**self._left_out.new_versions, **new_versions}
        log = self.log(namespace)
        state, channels = encode_checkpoint(checkpoint, metadata, new_versions, log, namespace)
        step = int(metadata.get("step", 0))
        run_id = metadata.get("run_id")
        row = checkpoint_row(
            namespace,
            checkpoint,
            parent_id,
            state,
            step_number=step,
            node_name=self._node(metadata),
            run_id=run_id if isinstance(run_id, str) and self._attempt is None else None,
            duration_ms=self._step_took() if step > 0 else None,
        )
        self._unit.checkpoints.append(row)
        self._unit.channels.extend(channels)
        if step > 0 and namespace == "" and not holds_input:
            self._unit.step_count += 1
            self.steps += 1
        self._assign_calls(checkpoint["id"])
        self._tell(namespace, log)

    def add_writes(
        self, namespace: str, checkpoint_id: str, writes: Sequence[tuple[str, Any]], writer_id: str, path: str
    ) -> None:
        """What one graph task wrote; kept so that a finished sibling of a crashed step does not run again."""
        if self._left_out is not None and checkpoint_id == self._left_out.checkpoint_id:
            return
        log = self.log(namespace)
        serializer = serializer_for(log)
        special = [(WRITES_IDX_MAP[channel], channel, value) for channel, value in writes if channel in WRITES_IDX_MAP]
        regular = [[channel, serializer.encode(value)] for channel, value in writes if channel not in WRITES_IDX_MAP]
        rows = [(index, [[channel, serializer.encode(value)]]) for index, channel, value in special]
        if regular:
            rows.append((0, regular))
        for index, content in rows:
            body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
            self._unit.writes.append(
                WriteRow(namespace, checkpoint_id, writer_id, index, path, len(content), checksum(body), body)
            )
        self._tell(namespace, log)
        if self.effects_wait:
            self._start_sibling_timer()

    # What the agent hands over

    def add_call(self, call: CallRow, message: BaseMessage | None) -> None:
        """A metered call; its reservation, if it had one, is settled with it."""
        self._unit.calls.append(call)
        self.cost += call.cost or 0
        self._unit.settles = True
        self._unit.reservation = None
        if message is not None:
            self._usage_by_message[id(message)] = (message, call)

    def record_tool_call(self, row: ToolCallRow) -> None:
        """Where a tool call stands now; it goes into the ledger with the next write."""
        before = self._unit.tool_calls.get(row.tool_call_id)
        if before is not None:
            row = replace(
                row, arguments=row.arguments or before.arguments, request_id=row.request_id or before.request_id
            )
        self._unit.tool_calls[row.tool_call_id] = row

    def tool_took(self, tool_call_id: str, duration_ms: int) -> None:
        """How long a tool ran, for the timeline's entry of its result."""
        self._tool_took[tool_call_id] = duration_ms

    def release_reservation(self) -> None:
        """The call did not happen or cost nothing: what was reserved for it is given back with the next write."""
        self._unit.settles = True
        self._unit.reservation = None

    @property
    def unwritten_cost(self) -> int:
        """Microdollars of the calls that were gathered and not written yet."""
        return sum(call.cost or 0 for call in self._unit.calls)

    async def durable(self, reservation: Reservation | None = None, *, keep_calls: bool = False) -> Flushed:
        """Return when all that was gathered is committed; called before every effect.

        The checkpoints of a run's input alone need not be flushed: the input is with the task. With `keep_calls` the
        calls of a step that asks again wait for its checkpoint. Raises LeaseLost.
        """
        if keep_calls:
            return await self._durable_but_calls(reservation)
        if reservation is not None:
            self._unit.reservation = reservation
            self._unit.settles = True
        elif not self._has_steps():
            # What a parallel effect has just handed over is not committed yet: wait for its flush.
            async with self._in_order:
                if self._failed is not None:
                    raise self._failed
                return self.last_flushed
        return await self.flush()

    async def _durable_but_calls(self, reservation: Reservation | None) -> Flushed:
        calls, self._unit.calls = self._unit.calls, []
        try:
            return await self.durable(reservation)
        finally:
            self._unit.calls = [*calls, *self._unit.calls]
            self._unit.settles = self._unit.settles or bool(calls)

    def durable_soon(self) -> None:
        """Start the flush of what was gathered without waiting for it: for what may run again after a crash.

        It begins a moment later, so that a step that is over by then goes with it.
        """
        if self._has_steps():
            self._start_sibling_timer(_SOON_SECONDS)

    async def flush(self, move: Move | None = None) -> Flushed:
        """Commit what was gathered, and with it the move that ends the attempt. Raises LeaseLost.

        A write goes on when its waiter is cancelled; the next one waits for it, so that they land in order.
        """
        self._stop_sibling_timer()
        async with self._in_order:
            await self._finish_write()
            if self._failed is not None:
                raise self._failed
            unit = self._unit
            self._put_off = 0
            self.nothing_stored = self.nothing_stored and unit.empty
            if unit.empty and move is None:
                return self.last_flushed
            self._unit = self._new_unit()
            if self._attempt is not None:
                self._flush_number += 1
                unit.flush_number = self._flush_number
            if move is not None and self._attempt is not None:
                unit.finishes = True
                move = _fenced(move, self._attempt, unit.flush_number)
            self._writing = unit, asyncio.ensure_future(self._commit.write(unit, move))
            await self._finish_write()
            return self.last_flushed

    async def _finish_write(self) -> None:
        if self._writing is None:
            return
        unit, write = self._writing
        try:
            self.last_flushed = await asyncio.shield(write)
        except AgentRuntimeError as error:
            # Later units may refer to what this one held, so none may follow it until it is given up.
            self._failed = error
            if not isinstance(error, LeaseLost):
                self._refused = unit
            raise
        finally:
            if write.done():
                self._writing = None

    def forget_unwritten(self) -> None:
        """Drop what was gathered but keep what was spent: a failed step leaves no half, but its money is gone."""
        spent, self._unit = self._unit, self._new_unit()
        refused, self._refused, self._failed = self._refused, None, None
        self._unit.calls = [*(refused.calls if refused else ()), *spent.calls]
        self._unit.settles = spent.settles or (refused is not None and refused.settles)

    # Within

    def _new_unit(self) -> Unit:
        tenant_id = self.fence.tenant_id
        return Unit(tenant_id=tenant_id, task_id=self.task_id, attempt=self._attempt)

    def _has_steps(self) -> bool:
        return bool(self._unit.calls or self._unit.step_count or self._unit.tool_calls)

    def _node(self, metadata: Mapping[str, Any]) -> str | None:
        name, self.node_name = self.node_name, None
        return name or (str(metadata["source"]) if "source" in metadata else None)

    def _step_took(self) -> int:
        now = time.monotonic()
        took, self._step_began = now - self._step_began, now
        return round(took * 1000)

    def _assign_calls(self, checkpoint_id: str) -> None:
        unit = self._unit
        for place, call in enumerate(unit.calls):
            if call.checkpoint_id is None:
                unit.calls[place] = _with_checkpoint(call, checkpoint_id)

    def _tell(self, namespace: str, log: MessageLog) -> None:
        for row, message in log.fresh:
            self._unit.messages.append(row)
            if namespace == "" and self._attempt is not None and (namespace, row.sequence) not in self._told:
                self._told.add((namespace, row.sequence))
                _, call = self._usage_by_message.pop(id(message), (None, None))
                duration = self._tool_took.pop(message.tool_call_id, None) if isinstance(message, ToolMessage) else None
                self._unit.events.extend(_events(row, message, call, duration))
        log.fresh.clear()

    def _start_sibling_timer(self, seconds: float = _SIBLING_SECONDS) -> None:
        if self._sibling_timer is None:
            self._sibling_timer = asyncio.get_running_loop().call_later(seconds, self._flush_siblings)

    def _stop_sibling_timer(self) -> None:
        if self._sibling_timer is not None:
            self._sibling_timer.cancel()
            self._sibling_timer = None

    def _flush_siblings(self) -> None:
        self._sibling_timer = None
        if self._commit.busy and self._put_off < _MOST_PUT_OFF:
            # It would only wait in line, and what waits in line is no more durable: leave it open for the next step.
            self._put_off += 1
            self._start_sibling_timer(_SOON_SECONDS)
            return
        self._sibling_flush = asyncio.get_running_loop().create_task(self._flush_quietly())

    async def _flush_quietly(self) -> None:
        try:
            await self.flush()
        except Exception:  # noqa: BLE001 - the same error meets the attempt at its next flush, where it is handled
            return


def _fenced(move: Move, attempt: int, flush_number: int) -> Move:
    return replace(move, attempt=attempt, flush_number=flush_number)


def _with_checkpoint(call: CallRow, checkpoint_id: str) -> CallRow:
    return replace(call, checkpoint_id=checkpoint_id)


def _events(row: MessageRow, message: BaseMessage, call: CallRow | None, tool_ms: int | None) -> list[EventRow]:
    place: dict[str, Any] = {"namespace": row.namespace, "message_sequence": row.sequence}
    if isinstance(message, HumanMessage):
        return [EventRow("user_turn", **place)]
    if isinstance(message, ToolMessage):
        failed = message.status == "error"
        named: dict[str, Any] = {
            "tool_call_id": plain_text(message.tool_call_id),
            "tool_name": plain_text(message.name),
        }
        return [EventRow("tool_result", **place, **named, is_error=failed, duration_ms=tool_ms)]
    if isinstance(message, AIMessage):
        spent: dict[str, Any] = {}
        if call is not None:
            spent = {
                "input_tokens": call.input_tokens,
                "output_tokens": call.output_tokens,
                "cost": call.cost,
                "duration_ms": call.duration_ms,
                "details": _substitution(call),
            }
        turn = EventRow("model_turn", **place, **spent)
        calls = [*message.tool_calls, *message.invalid_tool_calls]
        return [turn, *(_tool_call_event(place, dict(tool_call)) for tool_call in calls)]
    return []


def _substitution(call: CallRow) -> str | None:
    if call.instead_of is None:
        return None
    return json.dumps({"model": f"{call.provider}/{call.model}", "instead_of": call.instead_of})


def _tool_call_event(place: dict[str, Any], tool_call: dict[str, Any]) -> EventRow:
    named: dict[str, Any] = {
        "tool_call_id": plain_text(tool_call.get("id")),
        "tool_name": plain_text(tool_call.get("name")),
    }
    return EventRow("tool_call", **place, **named)
