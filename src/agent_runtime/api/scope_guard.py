"""Has every route ask for its scope, before anything of the request but its head is read."""

import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.problem import Problem
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.domain.access import OPEN, OPERATOR_TENANT
from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.domain.token_bucket import TokenBuckets
from agent_runtime.store import audit

# What a caller is refused again and again need not fill the log of its tenant.
_DENIALS = TokenBuckets(1.0, 200.0)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def scope_of(route: APIRoute) -> str:
    """The scope that a route asks for: as it says, else `read` for a GET and `admin` for what may change something."""
    said = (route.openapi_extra or {}).get("x-scope")
    if said:
        return str(said)
    return "read" if route.methods and route.methods <= {"GET", "HEAD"} else "admin"


def is_shared(route: APIRoute) -> bool:
    """Whether a route changes what all tenants share, and so is the operator's."""
    return bool((route.openapi_extra or {}).get("x-operator-only"))


def guard(route: APIRoute) -> None:
    """Put the question in front of the route's handler; doing so again changes nothing."""
    scope, shared = scope_of(route), is_shared(route)

    def guarded_handler() -> Handler:
        handler = type(route).get_route_handler(route)
        if scope == OPEN:
            return handler

        async def ask(request: Request) -> Response:
            caller = caller_of(request)
            if scope not in caller.scopes:
                await refuse(request, f"this needs the scope {scope!r}, which the key or token does not have")
            if shared and caller.tenant_id != OPERATOR_TENANT:
                await refuse(request, "this belongs to all tenants: only the operator's own may change it")
            return await handler(request)

        return ask

    route.get_route_handler = guarded_handler  # type: ignore[method-assign]


async def refuse(request: Request, detail: str) -> None:
    """Answer 403 and note it in the audit log of the caller's tenant. Always raises Problem."""
    caller = caller_of(request)
    what = f"{request.method} {request.scope['path']}"[:300]
    if _DENIALS.take(f"{caller.tenant_id} {caller.name}", time.monotonic()) > 0:
        raise Problem(403, detail)
    with suppress(DatabaseUnavailable):
        async with runtime_of(request).database.transaction(caller.tenant_id) as connection:
            await audit.record(
                connection, caller.tenant_id, caller.name, "access_denied", "route", what, None, {"detail": detail}
            )
    raise Problem(403, detail)
