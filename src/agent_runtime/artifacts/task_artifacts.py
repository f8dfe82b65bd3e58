"""The files of one task as its tools see them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agent_runtime import fault_points
from agent_runtime.artifacts.object_store import ObjectMissing, ObjectStore, key_of
from agent_runtime.artifacts.upload import Content, NewFile, store_bytes
from agent_runtime.domain.artifact import Artifact, Direction
from agent_runtime.domain.errors import ObjectStoreUnavailable, RequestRefused, ToolFailed
from agent_runtime.domain.identifier import new_id
from agent_runtime.store import artifact as store
from agent_runtime.store.artifact import ObjectId, Writer
from agent_runtime.store.database import Database


@dataclass(frozen=True)
class TaskArtifacts:
    """Saves and reads under the fence of one attempt.

    What a tool can do nothing about (a wrong name, no room, a store that is away) is a ToolFailed, so that the model is
    told and the task goes on. LeaseLost comes through.
    """

    database: Database
    objects: ObjectStore
    tenant_id: str
    task_id: str
    run_number: int
    attempt: int

    async def save(
        self, filename: str, content_type: str | None, content: Content, *, tool_call_id: str | None = None
    ) -> Artifact:
        """Store a file as an output of the task; it replaces the output of that name.

        With `tool_call_id` the call may be repeated: what it has stored under the name before is given again, and the
        content is not read.
        """
        if tool_call_id is not None:
            key = (self.tenant_id, self.task_id, self.run_number, tool_call_id, filename)
            found = await store.of_call(self.database, *key)
            if found is not None:
                return found
        place = ObjectId(self.tenant_id, self.task_id, new_id())
        try:
            file = NewFile(place, filename, "output", content_type)
            stored = await store_bytes(self.database, self.objects, file, content)
            saved = await store.add_output(self.database, stored, Writer(self.attempt, tool_call_id))
        except (RequestRefused, ObjectStoreUnavailable) as error:
            await store.doom(self.database, [place])
            raise ToolFailed(str(error)) from error
        fault_points.reach("artifact.named")
        return saved

    async def list(self, direction: Direction | None = None) -> Sequence[Artifact]:
        """The files of the task, by name."""
        return await store.page(self.database, self.tenant_id, self.task_id, direction=direction)

    async def read(self, artifact: Artifact) -> AsyncIterator[bytes]:
        """The bytes of a file in chunks."""
        try:
            async for chunk in self.objects.read(key_of(self._place(artifact))):
                yield chunk
        except (ObjectMissing, ObjectStoreUnavailable) as error:
            raise ToolFailed(str(error)) from error

    async def inputs(self) -> Sequence[tuple[str, AsyncIterator[bytes]]]:
        """The files that were given with the task: name and bytes, which are fetched when they are read."""
        return [(artifact.filename, self.read(artifact)) for artifact in await self.list("input")]

    def _place(self, artifact: Artifact) -> ObjectId:
        return ObjectId(self.tenant_id, self.task_id, artifact.artifact_id)
