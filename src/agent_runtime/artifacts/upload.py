"""One file on its way into the store: announced, measured and bounded while it streams, never held whole."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from dataclasses import dataclass

from agent_runtime import fault_points
from agent_runtime.artifacts.object_store import ObjectStore, key_of
from agent_runtime.domain.artifact import FILE_BYTES, HEAD_BYTES, Direction, check_name, content_type_of
from agent_runtime.domain.errors import TooLarge
from agent_runtime.store import artifact as store
from agent_runtime.store.artifact import ObjectId, StoredObject
from agent_runtime.store.database import Database

Content = bytes | AsyncIterable[bytes]
BATCH_BYTES = 1_048_576


@dataclass(frozen=True)
class NewFile:
    """A file to store: where, its name, and what its sender says it is."""

    place: ObjectId
    filename: str
    direction: Direction
    content_type: str | None = None


async def store_bytes(database: Database, objects: ObjectStore, file: NewFile, content: Content) -> StoredObject:
    """Write a file's bytes; nothing names them yet, which is for `store.add` to do.

    Raises InvalidRequest for its name, TooLarge, ObjectStoreUnavailable, and what the content raises.
    """
    check_name(file.filename)
    await store.announce(database, file.place)
    measured = _Measured(file.filename, content)
    await objects.write(key_of(file.place), measured)
    fault_points.reach("artifact.stored")
    return StoredObject(
        place=file.place,
        filename=file.filename,
        direction=file.direction,
        content_type=content_type_of(file.filename, measured.head, file.content_type),
        size_bytes=measured.size,
        sha256=measured.digest.hexdigest(),
    )


class _Measured:
    """Hands the content on in batches while it counts them, hashes them and keeps the beginning."""

    def __init__(self, filename: str, content: Content) -> None:
        self._filename = filename
        self._content = content
        self.size = 0
        self.head = b""
        self.digest = hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        hashing: Awaitable[None] | None = None
        async for batch in batches(self._counted()):
            if hashing is not None:
                await hashing
            # Hashing lets other threads run: the next batch comes in and goes out meanwhile.
            hashing = asyncio.ensure_future(asyncio.to_thread(self.digest.update, batch))
            fault_points.reach("artifact.writing")
            yield batch
        if hashing is not None:
            await hashing

    async def _counted(self) -> AsyncIterator[bytes]:
        async for chunk in pieces(self._content):
            self.size += len(chunk)
            if self.size > FILE_BYTES:
                raise TooLarge(f"the file {self._filename!r} is over the limit of {FILE_BYTES} bytes")
            if len(self.head) < HEAD_BYTES:
                self.head += chunk[: HEAD_BYTES - len(self.head)]
            yield chunk


async def pieces(content: Content) -> AsyncIterator[bytes]:
    """The content in pieces of at most a batch; empty ones are left out."""
    if isinstance(content, bytes):
        for start in range(0, len(content), BATCH_BYTES):
            yield content[start : start + BATCH_BYTES]
        return
    async for chunk in content:
        for start in range(0, len(chunk), BATCH_BYTES):
            yield chunk[start : start + BATCH_BYTES]


async def batches(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Joined until they are a batch or more: each batch costs the library and the hash a change of thread."""
    waiting: list[bytes] = []
    size = 0
    async for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= BATCH_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
