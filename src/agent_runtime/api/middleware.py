"""What surrounds every request: an id, security headers, the door, and the last resort for an unexpected error."""

import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from agent_runtime.api.auth import Door, address_of
from agent_runtime.api.error_map import problem_for
from agent_runtime.api.problem import Problem
from agent_runtime.store.audit import ORIGIN, Origin

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_CONTENT_SECURITY_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class Envelope:
    """Outermost application: lets a request in or answers the problem itself."""

    def __init__(self, inner: Application, door: Door) -> None:
        self._inner = inner
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        scope["par.request_id"] = request_id = uuid.uuid4().hex
        answer = _Answer(send, request_id)
        try:
            scope["par.caller"] = await self._door.admit(scope)
            ORIGIN.set(Origin(address_of(scope), request_id))
            await self._inner(scope, receive, answer.send)
        except Exception as error:
            if answer.started:
                raise
            problem = error if isinstance(error, Problem) else problem_for(error)
            await problem.response(request_id)(scope, receive, answer.send)


class _Answer:
    """Adds the headers that every answer carries."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = message["headers"]
            has_policy = any(name == b"content-security-policy" for name, _ in headers)
            message["headers"] = [
                *headers,
                *_SECURITY_HEADERS,
                *([] if has_policy else [_CONTENT_SECURITY_POLICY]),
                (b"cache-control", b"no-store"),
                (b"x-request-id", self._request_id.encode()),
            ]
        await self._send(message)
