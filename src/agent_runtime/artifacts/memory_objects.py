"""A store of bytes that forgets at the end of the process; it can be told to fail, as a test needs it."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence

from agent_runtime.artifacts.object_store import ObjectMissing
from agent_runtime.domain.errors import ObjectStoreUnavailable


class MemoryObjects:
    """Objects in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False

    async def write(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Store the chunks under the key."""
        self._require()
        found = b"".join([chunk async for chunk in chunks])
        self._require()
        self.objects[key] = found

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in chunks."""
        self._require()
        if key not in self.objects:
            raise ObjectMissing(f"there are no bytes under {key}")
        data = self.objects[key]
        for start in range(0, len(data), 65_536):
            yield data[start : start + 65_536]

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove the keys."""
        self._require()
        for key in keys:
            self.objects.pop(key, None)

    def _require(self) -> None:
        if self.down:
            raise ObjectStoreUnavailable("the store of the artifacts could not be reached: it was told to be down")
