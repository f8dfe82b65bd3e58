"""LangGraph's side of the checkpointer: `BaseCheckpointSaver` over sessions and readers."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)

from agent_runtime.checkpointer import retention
from agent_runtime.checkpointer.fence import OpenFence
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.checkpointer.reading import Loaded, config_of, load
from agent_runtime.checkpointer.session import Session
from agent_runtime.store import checkpoint as store
from agent_runtime.store.checkpoint import Thread
from agent_runtime.store.database import Database

_PAGE = 50


class PostgresSaver(BaseCheckpointSaver[int]):
    """Saves and loads checkpoints. Async only.

    A worker makes one per attempt with `of_attempt`; bare use makes one with an explicit open fence.
    """

    def __init__(self, database: Database, commit: GroupCommit, fence: OpenFence) -> None:
        super().__init__()
        self._database = database
        self._commit = commit
        self._fence = fence
        self._sessions: dict[str, Session] = {}
        self._only: Session | None = None

    @classmethod
    def of_attempt(cls, database: Database, commit: GroupCommit, session: Session) -> "PostgresSaver":
        """The saver of one attempt: every write goes through its session and so under its fence."""
        saver = cls(database, commit, OpenFence(session.fence.tenant_id))
        saver._only = session
        return saver

    def with_allowlist(self, extra_allowlist: Any) -> "PostgresSaver":
        """The serializer has one list for all; a graph cannot add to it."""
        return self

    # Reading

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` addresses, or the newest of its thread."""
        thread, thread_id = self._address(config)
        session = self._only or self._sessions.get(thread.task_id)
        if session is not None:
            await session.flush()
            if session.nothing_stored:
                return None
        loaded = await self._load(thread, thread_id, get_checkpoint_id(config))
        if self._only is not None:
            # Without a checkpoint there may still be messages: of steps that were taken back.
            next_message = await store.next_message(self._database, thread)
            self._only.start_from(thread.namespace, loaded.messages if loaded else {}, next_message)
        return loaded.tuple if loaded else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints newest first. `filter` compares metadata for equality."""
        configurable = (config or {}).get("configurable", {})
        thread_id = configurable.get("thread_id")
        filters: dict[str, str | None] = {
            "task_id": thread_uuid(thread_id) if thread_id else None,
            "namespace": configurable.get("checkpoint_ns"),
            "checkpoint_id": get_checkpoint_id(config) if config else None,
            "before": get_checkpoint_id(before) if before else None,
        }
        found = 0
        while limit is None or found < limit:
            rows = await store.page(self._database, self._fence.tenant_id, filters, _PAGE)
            for row in rows:
                thread = Thread(self._fence.tenant_id, str(row["task_id"]), row["namespace"])
                loaded = await load(self._database, thread, thread_id or thread.task_id, row)
                if _matches(loaded.tuple.metadata, filter) and (limit is None or found < limit):
                    found += 1
                    yield loaded.tuple
            if len(rows) < _PAGE:
                return
            filters["before"] = str(rows[-1]["checkpoint_id"])

    # Writing

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Hand a checkpoint to the session. Raises LeaseLost, NotStorable."""
        thread, thread_id = self._address(config)
        session = await self._session(thread, thread_id)
        facts = get_checkpoint_metadata(config, metadata) if self._only is None else metadata
        session.add_checkpoint(thread.namespace, checkpoint, facts, new_versions, get_checkpoint_id(config))
        if not session.effects_wait:
            await session.flush()
        return config_of(thread_id, thread.namespace, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Hand a graph task's writes to the session. Raises LeaseLost, NotStorable."""
        thread, thread_id = self._address(config)
        checkpoint_id = get_checkpoint_id(config)
        if checkpoint_id is None:
            raise ValueError("writes need the checkpoint_id that they are for")
        session = await self._session(thread, thread_id)
        session.add_writes(thread.namespace, checkpoint_id, writes, task_id, task_path)
        if not session.effects_wait:
            await session.flush()

    # Removing and copying

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove everything of a thread."""
        task_id = thread_uuid(thread_id)
        self._sessions.pop(task_id, None)
        await store.delete_thread(self._database, Thread(self._fence.tenant_id, task_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints of some runs and what only they held."""
        for task_id in await store.delete_runs(self._database, self._fence.tenant_id, run_ids):
            await self._each_namespace(task_id, retention.sweep)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with all its ancestors, so that delta channels can be rebuilt from the copy."""
        source = Thread(self._fence.tenant_id, thread_uuid(source_thread_id))
        await store.copy_thread(self._database, source, thread_uuid(target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep the newest checkpoint of each namespace (`keep_latest`) or nothing (`delete`)."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"unknown strategy {strategy!r}: use 'keep_latest' or 'delete'")
        for thread_id in thread_ids:
            if strategy == "delete":
                await self.adelete_thread(thread_id)
            else:
                await self._each_namespace(thread_uuid(thread_id), retention.keep_latest)

    # Within

    async def _each_namespace(self, task_id: str, act: Any) -> None:
        self._sessions.pop(task_id, None)
        thread = Thread(self._fence.tenant_id, task_id)
        for namespace in await store.namespaces(self._database, thread):
            await act(self._database, Thread(thread.tenant_id, task_id, namespace))

    def _address(self, config: RunnableConfig) -> tuple[Thread, str]:
        configurable = config["configurable"]
        thread_id = str(configurable["thread_id"])
        if self._only is not None and thread_id == self._only.task_id:
            return Thread(self._fence.tenant_id, thread_id, configurable.get("checkpoint_ns", "")), thread_id
        return Thread(self._fence.tenant_id, thread_uuid(thread_id), configurable.get("checkpoint_ns", "")), thread_id

    async def _load(self, thread: Thread, thread_id: str, checkpoint_id: str | None) -> Loaded | None:
        row = await store.find(self._database, thread, checkpoint_id)
        return await load(self._database, thread, thread_id, row) if row else None

    async def _session(self, thread: Thread, thread_id: str) -> Session:
        if self._only is not None:
            if thread.task_id != self._only.task_id:
                raise ValueError(f"the saver of task {self._only.task_id} was asked to write for thread {thread_id}")
            return self._only
        session = self._sessions.get(thread.task_id)
        if session is None:
            session = Session(self._commit, self._fence, thread.task_id, effects_wait=False)
            self._sessions[thread.task_id] = session
        if not session.knows(thread.namespace):
            loaded = await self._load(thread, thread_id, None)
            next_message = await store.next_message(self._database, thread)
            session.start_from(thread.namespace, loaded.messages if loaded else {}, next_message)
        return session


def thread_uuid(thread_id: str) -> str:
    """A thread's key: its id when that is a UUID, as a task's is, else a UUID made from it."""
    try:
        return str(UUID(thread_id))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, f"thread:{thread_id}"))


def _matches(metadata: Any, wanted: dict[str, Any] | None) -> bool:
    return not wanted or all(key in metadata and metadata[key] == value for key, value in wanted.items())
