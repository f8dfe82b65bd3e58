"""Success answers, and actions that an Idempotency-Key makes repeatable."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.json_text import to_json, to_sorted_json
from agent_runtime.api.problem import Problem, invalid_field
from agent_runtime.api.request_body import text_problem
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.store import idempotency
from agent_runtime.store.database import Connection
from agent_runtime.store.idempotency import KeptAnswer, RequestKey

LONGEST_KEY = 255
Action = Callable[[Connection], Awaitable[KeptAnswer]]


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(to_json(body), status, media_type="application/json")


def no_content() -> Response:
    """The answer to DELETE."""
    return Response(status_code=204)


def request_key(request: Request, body: BaseModel | None, files: Sequence[Sequence[str]] = ()) -> RequestKey | None:
    """The request's Idempotency-Key with the hash of method, path, body and files; None when it has none."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= LONGEST_KEY or not key.isprintable() or text_problem(key):
        raise invalid_field(("header", "Idempotency-Key"), f"must be one key of 1 to {LONGEST_KEY} characters")
    content = body.model_dump(mode="json", exclude_unset=True) if body is not None else {}
    signed = to_sorted_json([request.method, request.scope["path"], content, *files])
    return RequestKey(key, hashlib.sha256(signed).digest())


async def answered_before(request: Request, body: BaseModel | None) -> Response | None:
    """The first answer under the request's key, for routes that look at things before they act; None without one."""
    key = request_key(request, body)
    if key is None:
        return None
    found = await idempotency.read(runtime_of(request).database, caller_of(request).tenant_id, key)
    return None if found is None else answer(found.response, found.status_code)


async def once(request: Request, body: BaseModel | None, action: Action, *, tenant_id: str | None = None) -> Response:
    """Run `action` in a transaction of the caller's tenant, or answer again what its key was answered first.

    The key is taken in the action's own transaction: a concurrent duplicate waits for it, and a failed action keeps
    nothing. Another `tenant_id` than the caller's is for the operator alone.
    """
    tenant_id, database = tenant_id or caller_of(request).tenant_id, runtime_of(request).database
    key = request_key(request, body)
    async with database.transaction(tenant_id) as connection:
        if key is None or await idempotency.take(connection, tenant_id, key):
            result = await action(connection)
            if key is not None:
                body_kept = orjson.loads(to_json(result.response)) | dict.fromkeys(result.shown_once)
                kept = KeptAnswer(result.status_code, body_kept)
                await idempotency.keep(connection, tenant_id, key, kept)
            return answer(result.response, result.status_code)
    found = await idempotency.read(database, tenant_id, key)
    if found is None:
        raise Problem(409, "a request with this Idempotency-Key was under way and failed: send it again")
    return answer(found.response, found.status_code)
