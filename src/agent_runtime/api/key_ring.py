"""API keys as this process knows them: looked up once, then held for a few seconds.

That is how long a key that another process revoked is still taken here. When it was last used is written now and then,
never by the request itself.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass

import structlog

from agent_runtime.api.auth import Caller
from agent_runtime.domain.access import allowed_scopes
from agent_runtime.domain.api_key import hash_of, key_id_of, same_hash
from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store import api_key as store
from agent_runtime.store.database import Database, Row

HELD_SECONDS = 3.0
USE_SECONDS = 60.0
MOST_KEYS = 10_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Held:
    caller: Caller
    until: float


class KeyRing:
    """The keys that were presented to this process and found good."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[_Held | None]] = {}
        self._used: dict[str, set[str]] = defaultdict(set)

    def was_good(self, text: str) -> bool:
        """Whether this very key was let in before, as a guess never was."""
        return hash_of(text) in self._held

    async def find(self, text: str) -> Caller | None:
        """The caller whose key this is; None for a key that is malformed, unknown, revoked or expired."""
        digest = hash_of(text)
        held = self._held.get(digest)
        if held is None or time.monotonic() >= held.until:
            key_id = key_id_of(text)
            held = await self._ask(digest, key_id) if key_id else None
        if held is None:
            return None
        self._used[held.caller.tenant_id].add(held.caller.key_id or "")
        return held.caller

    def forget(self, key_id: str) -> None:
        """Have the next request with this key look at the database again."""
        for digest in [digest for digest, held in self._held.items() if held.caller.key_id == key_id]:
            del self._held[digest]

    async def run(self) -> None:
        """Write down the use of keys, for as long as the server serves."""
        while True:
            await asyncio.sleep(USE_SECONDS)
            await self.write_use()

    async def write_use(self) -> None:
        """Write which keys were used since the last time."""
        used, self._used = self._used, defaultdict(set)
        try:
            for tenant_id, key_ids in used.items():
                await store.touch(self._database, tenant_id, sorted(key_ids))
        except DatabaseUnavailable:
            _log.warning("key_use_not_written")

    async def _ask(self, digest: bytes, key_id: str) -> _Held | None:
        """Many requests with one key ask the database once."""
        task = self._asked.get(digest)
        if task is None:
            task = self._asked[digest] = asyncio.create_task(self._look_up(digest, key_id))
            task.add_done_callback(lambda _: self._asked.pop(digest, None))
        return await asyncio.shield(task)

    async def _look_up(self, digest: bytes, key_id: str) -> _Held | None:
        began = time.monotonic()
        row = await store.find(self._database, key_id)
        held = _held(row, digest, began) if row else None
        if held is None:
            self._held.pop(digest, None)
            return None
        self._held[digest] = held
        self._held.move_to_end(digest)
        if len(self._held) > MOST_KEYS:
            self._held.popitem(last=False)
        return held


def _held(row: Row, digest: bytes, began: float) -> _Held | None:
    current, previous = same_hash(digest, row["secret_hash"]), same_hash(digest, row["previous_hash"])
    if not current and not previous:
        return None
    bounds = [HELD_SECONDS, row["seconds_left"], None if current else row["previous_seconds_left"]]
    caller = Caller(
        tenant_id=row["tenant_id"],
        name=f"key {row['key_id']} ({row['name']})" if row["name"] else f"key {row['key_id']}",
        scopes=allowed_scopes(row["scopes"], row["roles"]),
        key_id=row["key_id"],
    )
    return _Held(caller, began + min(bound for bound in bounds if bound is not None))
