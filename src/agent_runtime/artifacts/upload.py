"""One file on its way into the store: announced, measured and bounded while it streams, never held whole."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from agent_runtime.artifacts.object_store import ObjectStore, key_of
from agent_runtime.domain.artifact import FILE_BYTES, HEAD_BYTES, Direction, check_name, content_type_of
from agent_runtime.domain.errors import TooLarge
from agent_runtime.store import artifact as store
from agent_runtime.store.artifact import ObjectId, StoredObject
from agent_runtime.store.database import Database

Content = bytes | AsyncIterable[bytes]


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
    return StoredObject(
        place=file.place,
        filename=file.filename,
        direction=file.direction,
        content_type=content_type_of(file.filename, measured.head, file.content_type),
        size_bytes=measured.size,
        sha256=measured.digest.hexdigest(),
    )


class _Measured:
    """Hands chunks on while it counts them, hashes them and keeps the beginning."""

    def __init__(self, filename: str, content: Content) -> None:
        self._filename = filename
        self._content = content
        self.size = 0
        self.head = b""
        self.digest = hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in pieces(self._content):
            self.size += len(chunk)
            if self.size > FILE_BYTES:
                raise TooLarge(f"the file {self._filename!r} is over the limit of {FILE_BYTES} bytes")
            if len(self.head) < HEAD_BYTES:
                self.head += chunk[: HEAD_BYTES - len(self.head)]
            self.digest.update(chunk)
            yield chunk


async def pieces(content: Content, size: int = 256 * 1024) -> AsyncIterator[bytes]:
    """The content in pieces of at most `size` bytes; empty ones are left out."""
    if isinstance(content, bytes):
        for start in range(0, len(content), size):
            yield content[start : start + size]
        return
    async for chunk in content:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]
