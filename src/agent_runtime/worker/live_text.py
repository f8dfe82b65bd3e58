"""Hands the text of replies on while it streams, every 100 ms, for tasks that somebody listens to."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from agent_runtime.models.live_tokens import token_sink
from agent_runtime.store import live_text as store
from agent_runtime.store.database import Database
from agent_runtime.store.task_lifecycle import plain_text
from agent_runtime.worker.claimed_task import ClaimedTask

_log = structlog.get_logger("worker.live_text")
_FLUSH_SECONDS = 0.1
_LOOKS_PER_FLUSH = 5
_MOST_BUFFERED = 20_000


class LiveText:
    """Runs beside the attempts with `run()`; an attempt's model calls report under `listening_to`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: dict[str, ClaimedTask] = {}
        self._listened: set[str] = set()
        self._buffers: dict[str, list[str]] = {}
        self._sizes = 0

    @contextmanager
    def listening_to(self, task: ClaimedTask) -> Iterator[None]:
        """While this lasts, text of the task's replies is handed on if somebody listens."""
        self._running[task.task_id] = task
        reset = token_sink.set(lambda text: self._add(task.task_id, text))
        try:
            yield
        finally:
            token_sink.reset(reset)
            self._running.pop(task.task_id, None)

    def _add(self, task_id: str, text: str) -> None:
        if task_id in self._listened and self._sizes < _MOST_BUFFERED:
            self._buffers.setdefault(task_id, []).append(text)
            self._sizes += len(text)

    async def run(self) -> None:
        """Look for listeners twice a second and flush ten times a second, for ever."""
        looks = 0
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            looks += 1
            try:
                if looks % _LOOKS_PER_FLUSH == 0:
                    self._listened = await self._look()
                await self._flush()
            except Exception as error:  # noqa: BLE001 - live text is a courtesy; whatever fails, it is tried again
                _log.debug("live_text_skipped", error=str(error))
                self._buffers.clear()

    async def _look(self) -> set[str]:
        return await store.listened_to(self._database, list(self._running)) if self._running else set()

    async def _flush(self) -> None:
        buffers, self._buffers, self._sizes = self._buffers, {}, 0
        tasks = {task_id: self._running.get(task_id) for task_id in buffers}
        chunks = [
            (task.tenant_id, task_id, task.attempt, plain_text("".join(buffers[task_id])) or "")
            for task_id, task in tasks.items()
            if task is not None
        ]
        if chunks:
            await store.add_chunks(self._database, chunks)
