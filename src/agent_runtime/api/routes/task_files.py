"""Submitting a task with files: the bytes are stored while they arrive, then one transaction makes task and files.

The parts may come in any order. Where `task_request` comes first, a request that cannot be accepted is refused before
its files are read.
"""

from dataclasses import dataclass, field

import structlog
from starlette.requests import Request

from agent_runtime.api.multipart import Part, parts_of
from agent_runtime.api.problem import Problem, invalid_field
from agent_runtime.api.request_body import JSON_BYTES, parsed
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.task import SubmitRequest
from agent_runtime.artifacts.upload import NewFile, store_bytes
from agent_runtime.domain.artifact import check_name, check_room, shown
from agent_runtime.domain.errors import DatabaseUnavailable, InvalidRequest
from agent_runtime.domain.identifier import new_id
from agent_runtime.store import artifact as store
from agent_runtime.store.artifact import ObjectId, StoredObject
from agent_runtime.store.submit import takes_files

_log = structlog.get_logger(__name__)


@dataclass
class TaskWithFiles:
    """What a multipart body holds: the task, and its files, whose bytes are stored already."""

    task_id: str = field(default_factory=new_id)
    task: SubmitRequest | None = None
    files: list[StoredObject] = field(default_factory=list)
    places: list[ObjectId] = field(default_factory=list)

    def hashed(self) -> list[list[str]]:
        """What an Idempotency-Key covers of the files."""
        return sorted([each.filename, each.sha256] for each in self.files)


async def receive(request: Request, received: TaskWithFiles) -> SubmitRequest:
    """Read the body into `received` and give its task. Raises Problem, RequestRefused, ObjectStoreUnavailable."""
    async for part in parts_of(request):
        if part.name == "task_request":
            await _take_task(request, received, part)
        elif part.name == "files":
            await _take_file(request, received, part)
        else:
            raise invalid_field(("body", part.name[:100]), "is no part of this request: task_request, files")
    if received.task is None:
        raise invalid_field(("body", "task_request"), "Field required")
    return received.task


async def give_up(request: Request, received: TaskWithFiles) -> None:
    """The task was not made: what is stored of its files may go. Without this they go an hour later."""
    try:
        await store.doom(runtime_of(request).database, received.places)
    except DatabaseUnavailable as error:
        _log.info("upload_left_to_the_sweep", error=str(error))


async def _take_task(request: Request, received: TaskWithFiles, part: Part) -> None:
    if received.task is not None:
        raise invalid_field(("body", "task_request"), "is given twice")
    received.task = parsed(await part.read(JSON_BYTES), SubmitRequest, part="task_request")
    if received.files:
        await _require_sandbox(request, received.task)


async def _take_file(request: Request, received: TaskWithFiles, part: Part) -> None:
    if part.filename is None:
        raise invalid_field(("body", "files"), "a file needs a filename")
    filename = check_name(part.filename)
    if any(each.filename == filename for each in received.files):
        raise invalid_field(("body", "files"), f"the file {shown(filename)!r} is given twice")
    stored = sum(each.size_bytes for each in received.files)
    check_room(size=0, stored=stored, files=len(received.files))
    if received.task is not None and not received.files:
        await _require_sandbox(request, received.task)
    runtime, place = runtime_of(request), ObjectId(caller_of(request).tenant_id, received.task_id, new_id())
    received.places.append(place)
    file = NewFile(place, filename, "input", part.content_type)
    received.files.append(await store_bytes(runtime.database, runtime.objects, file, part.chunks))
    check_room(size=received.files[-1].size_bytes, stored=stored, files=len(received.files) - 1)


async def _require_sandbox(request: Request, task: SubmitRequest) -> None:
    """An agent that does not exist is found out when the task is made."""
    allowed = await takes_files(runtime_of(request).database, caller_of(request).tenant_id, task.agent_id)
    if allowed is False:
        message = f"agent {task.agent_id!r} has no sandbox, and files need one: set sandbox.enabled"
        raise InvalidRequest(("body", "files"), message, between_fields=True)


def require_multipart(request: Request) -> None:
    """Raise 415 for a multipart body of another kind than forms send."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(415, f"the body must be application/json or multipart/form-data, not {kind[:100]}")
