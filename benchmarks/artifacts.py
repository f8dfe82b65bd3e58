"""Files through this system beside the object library alone, in a folder of this machine.

Ours waits for the disk before a row may name the file, and so does the peer that it is judged by.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import obstore
from obstore.store import LocalStore

from agent_runtime.artifacts import local_folder
from agent_runtime.artifacts.object_store import key_of
from agent_runtime.artifacts.obstore_adapter import ObstoreObjects
from agent_runtime.artifacts.upload import NewFile, store_bytes
from agent_runtime.config import load
from agent_runtime.domain.identifier import new_id
from agent_runtime.store.artifact import ObjectId
from agent_runtime.store.database import Database
from benchmarks.bed import Bed
from benchmarks.table import Bar, Table

_FILES = 8
_MEGABYTES = 40
_CHUNK = os.urandom(256 * 1024)
_NAMES = ("write", "library write", "library loose write", "read", "library read")


async def _content() -> AsyncIterator[bytes]:
    for _ in range(_MEGABYTES * 4):
        yield _CHUNK


async def run(bed: Bed, repeats: int) -> Table:
    """Write and read files of 40 MB, ours and the library's in turns."""
    table = Table("artifacts", f"{_FILES} files of {_MEGABYTES} MB, in a local folder, one after the other")
    with TemporaryDirectory(prefix="par-bench-artifacts-") as folder:
        async with Database(bed.database(), "par_worker") as database:
            objects = ObstoreObjects(load({"PAR_ENV_FILE": "", "PAR_DATA_DIR": folder}))
            alone = LocalStore(prefix=Path(folder) / "alone", mkdir=True)
            figures: dict[str, list[float]] = {name: [] for name in _NAMES}
            for _ in range(repeats):
                await _round(figures, database, objects, alone, Path(folder) / "alone")
    bar = Bar(least=0.8, judged="ratio")
    for name, peer_name in (("write", "obstore and fsync"), ("read", "obstore alone")):
        peer = median(figures[f"library {name}"])
        table.add(name, "MB/s", median(figures[name]), peer=peer, peer_name=peer_name, bar=bar)
    loose = median(figures["library loose write"])
    table.add("write", "MB/s", median(figures["write"]), peer=loose, peer_name="obstore, not waiting for the disk")
    return table


async def _round(
    figures: dict[str, list[float]], database: Database, objects: ObstoreObjects, alone: LocalStore, root: Path
) -> None:
    task_id = new_id()
    places = [ObjectId("default", task_id, new_id()) for _ in range(_FILES)]

    async def write(place: ObjectId) -> None:
        await store_bytes(database, objects, NewFile(place, "a.bin", "output"), _content())

    async def read(place: ObjectId) -> None:
        async for _ in objects.read(key_of(place)):
            pass

    async def write_alone(place: ObjectId, suffix: str = "-loose") -> None:
        # As many parts at once as ours: with its own default of twelve the library is slower here.
        await obstore.put_async(alone, key_of(place) + suffix, _content(), max_concurrency=2)

    async def write_alone_durably(place: ObjectId) -> None:
        await write_alone(place, "")
        await asyncio.to_thread(local_folder.keep, root, key_of(place))

    async def read_alone(place: ObjectId) -> None:
        async for _ in (await obstore.get_async(alone, key_of(place))).stream():
            pass

    steps: dict[str, Callable[[ObjectId], Awaitable[None]]] = {
        "write": write, "library write": write_alone_durably, "read": read, "library read": read_alone,
        "library loose write": write_alone,
    }  # fmt: skip
    # File by file in turns, so that what else the machine does falls on both alike.
    for place in places:
        for name, step in steps.items():
            began = time.perf_counter()
            await step(place)
            figures[name].append(_MEGABYTES / (time.perf_counter() - began))
            # What one of them left in memory is not for the next one to write.
            await asyncio.to_thread(os.sync)
    await objects.delete([key_of(place) for place in places])
    await obstore.delete_async(alone, [key_of(place) + suffix for place in places for suffix in ("", "-loose")])
