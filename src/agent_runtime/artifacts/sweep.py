"""Removes bytes that no artifact names: of uploads that broke off, of replaced files, of tasks that are gone."""

from agent_runtime.artifacts.object_store import ObjectStore, key_of
from agent_runtime.store import artifact as store
from agent_runtime.store.database import Database


async def sweep(database: Database, objects: ObjectStore, *, older_than_seconds: float | None = None) -> int:
    """Remove a bounded number of loose objects and give how many.

    A worker that dies in between leaves the rest in the list, where it is found again. What has just become loose stays
    a while: somebody may be reading it.
    """
    seconds = store.LONGEST_UPLOAD_SECONDS if older_than_seconds is None else older_than_seconds
    places = await store.give_up_loose(database, seconds)
    if places:
        await objects.delete([key_of(place) for place in places])
        await store.forget(database, places)
    return len(places)
