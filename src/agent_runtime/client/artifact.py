"""Files of tasks over HTTP: streamed from the disk and as a download, never whole in memory."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from agent_runtime.client.connection import Connection, failure_of, segment
from agent_runtime.client.errors import ServerUnreachable

UPLOAD_SECONDS = 900.0
_READ_BYTES = 256 * 1024

Parts = list[tuple[str, tuple[str | None, Any, str | None]]]


@contextmanager
def opened_parts(task_request: bytes, paths: Sequence[Path]) -> Iterator[Parts]:
    """The parts of a submission with files, which are read while they are sent. Raises OSError."""
    with ExitStack() as stack:
        parts: Parts = [("task_request", (None, task_request, "application/json"))]
        parts += [("files", (path.name, stack.enter_context(path.open("rb")), None)) for path in paths]
        yield parts


async def download(connection: Connection, task_id: str, filename: str, direction: str) -> AsyncGenerator[bytes, None]:
    """The bytes of a file in chunks.

    Raises:
        RequestFailed: there is no such file, or the server refuses.
        ServerUnreachable: it went away, or what came is not what it said it would send.
    """
    path = f"/v1/tasks/{segment(task_id)}/artifacts/{segment(filename)}?direction={segment(direction)}"
    digest = hashlib.sha256()
    try:
        async with connection.stream(path, {"Accept": "*/*"}) as response:
            if response.status_code >= 400:
                await response.aread()
                raise failure_of(response)
            async for chunk in response.aiter_bytes(_READ_BYTES):
                digest.update(chunk)
                yield chunk
            said = response.headers.get("repr-digest")
    except httpx.TransportError as error:
        raise connection.unreachable(error) from error
    if said is not None and said != f"sha-256=:{base64.b64encode(digest.digest()).decode()}:":
        raise ServerUnreachable(f"the file {filename!r} arrived damaged: download it again")
