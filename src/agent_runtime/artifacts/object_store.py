"""What this room needs of a store of bytes."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Protocol

from agent_runtime.domain.errors import AgentRuntimeError
from agent_runtime.store.artifact import ObjectId

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


class ObjectMissing(AgentRuntimeError):
    """There are no bytes under the key."""


class ObjectStore(Protocol):
    """Bytes under keys. Whatever goes wrong with the store itself is an ObjectStoreUnavailable."""

    async def write(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Store the chunks under the key: all of them, or nothing when they end with an error."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in chunks. Raises ObjectMissing at the first one."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove the keys; those that do not exist are no error."""


def key_of(place: ObjectId) -> str:
    """The key of bytes: made of our ids alone."""
    tenant = place.tenant_id
    folder = tenant if _PLAIN.fullmatch(tenant) else f"={tenant.encode().hex()}"
    return f"{folder}/{place.task_id}/{place.artifact_id}"
