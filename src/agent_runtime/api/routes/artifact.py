"""The files of a task: their list, and each as a download that no browser opens."""

import base64
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.routes.task_action import require_task
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import ArtifactPage
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.lists import ArtifactQuery, DownloadQuery
from agent_runtime.artifacts.object_store import ObjectMissing, key_of
from agent_runtime.domain.artifact import UNKNOWN_TYPE, Artifact, name_problem, served_type, shown
from agent_runtime.domain.errors import NotFound
from agent_runtime.store import artifact as store
from agent_runtime.store.artifact import ObjectId

router = APIRouter(tags=["tasks"])
_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


@router.get("/v1/tasks/{task_id}/artifacts", **describe(ArtifactPage))
async def list_artifacts(request: Request, task_id: Identifier, query: Annotated[ArtifactQuery, Query()]) -> Response:
    """The files of a task by direction and name."""
    listing = Listing("artifacts", {"direction": "text", "filename": "text"}, {"task_id": task_id, **query.filters()})
    after = listing.after(query.cursor) or ("", "")
    tenant_id, database = caller_of(request).tenant_id, runtime_of(request).database
    limit = query.limit + 1
    found = await store.page(
        database, tenant_id, task_id, direction=query.direction, after=(after[0], after[1]), limit=limit
    )
    if not found:
        await require_task(request, task_id)
    return answer(listing.page([artifact.describe() for artifact in found], query.limit))


@router.get("/v1/tasks/{task_id}/artifacts/{filename}", **describe(None, media_type=UNKNOWN_TYPE))
async def download_artifact(
    request: Request, task_id: Identifier, filename: str, query: Annotated[DownloadQuery, Query()]
) -> Response:
    """The bytes of a file, always as a download."""
    runtime, tenant_id = runtime_of(request), caller_of(request).tenant_id
    found = None
    if name_problem(filename) is None:
        found = await store.find(runtime.database, tenant_id, task_id, query.direction, filename)
    if found is None:
        await require_task(request, task_id)
        raise NotFound("artifact", shown(filename[:100]))
    try:
        stream = await _begun(runtime.objects.read(key_of(ObjectId(tenant_id, task_id, found.artifact_id))))
    except ObjectMissing:
        raise NotFound("artifact", shown(filename)) from None
    return StreamingResponse(stream, 200, _headers(found), media_type=served_type(found.content_type))


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, of which the first has been fetched: until then an error can still become an answer."""
    first = await anext(chunks, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return whole()


def _headers(artifact: Artifact) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(artifact.sha256)).decode()
    return {
        "Content-Disposition": content_disposition(artifact.filename),
        "Content-Length": str(artifact.size_bytes),
        "Content-Security-Policy": _POLICY,
        "Repr-Digest": f"sha-256=:{digest}:",
    }


def content_disposition(filename: str) -> str:
    """RFC 6266: a plain name for old readers, and the true one in UTF-8."""
    plain = "".join(each if each.isascii() and each.isprintable() and each not in '"%' else "_" for each in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
