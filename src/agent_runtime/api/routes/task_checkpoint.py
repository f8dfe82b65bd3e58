"""One checkpoint: its state, readable, and what its step changed."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.checkpoint_state import (
    NOTHING,
    StoredState,
    Unreadable,
    changed_channels,
    read_state,
    readable_message,
    readable_state,
)
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.checkpoint import CheckpointDetail, MessagesQuery
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.domain.errors import NotFound
from agent_runtime.store import checkpoint_view as store
from agent_runtime.store.database import Row

router = APIRouter(tags=["tasks"])
_MOST_ADDED = 200
_STORED = ("state", "checksum", "parent_state", "parent_checksum")


@router.get("/v1/tasks/{task_id}/checkpoints/{checkpoint_id}", **describe(CheckpointDetail))
async def get_checkpoint(
    request: Request, task_id: Identifier, checkpoint_id: Identifier, query: Annotated[MessagesQuery, Query()]
) -> Response:
    """The state after one step and the difference to the step before; of the history the newest messages, and a cursor
    that leads to earlier ones.
    """
    listing = Listing("checkpoint_messages", {"position": "int"}, {"checkpoint_id": checkpoint_id})
    before = listing.after(query.cursor)
    row = await store.get_checkpoint(runtime_of(request).database, caller_of(request).tenant_id, task_id, checkpoint_id)
    if row is None:
        raise NotFound("checkpoint", checkpoint_id)
    facts = {name: value for name, value in row.items() if name not in _STORED}
    try:
        stored, parent = _states(row)
        page, earlier = _page_of(stored.message_sequences, query.limit, before)
        shown = await _shown(request, task_id, (stored, parent), page)
    except Unreadable as error:
        reason = f"the stored state cannot be read: {error}"
        return answer({**facts, "state": None, "difference": None, "problem": reason, "next_cursor": None})
    cursor = listing.page([{"position": earlier}, {}], 1)["next_cursor"] if earlier else None
    shown["difference"]["parent_checkpoint_id"] = row["parent_checkpoint_id"]
    return answer({**facts, **shown, "problem": None, "next_cursor": cursor})


def _states(row: Row) -> tuple[StoredState, StoredState]:
    parent = NOTHING if row["parent_state"] is None else read_state(row["parent_state"], row["parent_checksum"])
    return read_state(row["state"], row["checksum"]), parent


def _page_of(sequences: Sequence[int], limit: int, before: tuple[int, ...] | None) -> tuple[list[int], int]:
    """The last messages before a position, and the position that they begin at."""
    end = len(sequences) if before is None else min(max(before[0], 0), len(sequences))
    start = max(0, end - limit)
    return list(sequences[start:end]), start


async def _shown(
    request: Request, task_id: str, states: tuple[StoredState, StoredState], page: Sequence[int]
) -> dict[str, Any]:
    stored, parent = states
    tenant_id, database = caller_of(request).tenant_id, runtime_of(request).database
    known = set(parent.message_sequences)
    added = [sequence for sequence in stored.message_sequences if sequence not in known]
    first_added = added[:_MOST_ADDED]
    wanted = sorted({*page, *first_added})
    messages = {
        sequence: readable_message(sequence, body)
        async for sequence, body in store.messages(database, tenant_id, task_id, wanted)
    }
    apart = list(dict.fromkeys([*stored.stored_apart, *parent.stored_apart]))
    bodies = await store.channels(database, tenant_id, task_id, apart)
    return {
        "state": readable_state(stored, bodies, [messages[sequence] for sequence in page if sequence in messages]),
        "difference": {
            "messages_added_count": len(added),
            "messages_added": [messages[sequence] for sequence in first_added if sequence in messages],
            "messages_removed_count": len(known.difference(stored.message_sequences)),
            "channels_changed": changed_channels(stored, parent, bodies),
        },
    }
