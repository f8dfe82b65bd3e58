"""What a call can raise, grouped by what the caller can do; made from `application/problem+json` answers (RFC 9457).

ClientError
├── TryAgainLater                              nothing is wrong with the request
│   ├── ServerUnreachable, RequestThrottled, ServerAway
├── WaitTimedOut                               wait on, or do something else: the task goes on
└── RequestFailed                              the server refused; `problem` says why
    ├── RequestInvalid                         mend the request
    ├── RequestUnauthenticated, RequestForbidden    get a key, or the scope
    ├── RequestNotFound, RequestConflict       look again: the object is not there, or has moved on
    └── RequestThrottled, ServerFailed, ServerAway
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_runtime.domain.errors import AgentRuntimeError


class ClientError(AgentRuntimeError):
    """Base of everything that the client raises."""

    code = "client_error"


class TryAgainLater(ClientError):
    """Nothing is wrong with the request; it was tried as often as the policy allows."""


class WaitTimedOut(ClientError):
    """What was waited for has not ended in time; it goes on."""

    code = "wait_timed_out"


class ServerUnreachable(TryAgainLater):
    """No answer from the server: refused, timed out, or cut off, and tried as often as the policy allows."""

    code = "server_unreachable"


@dataclass(frozen=True)
class FieldProblem:
    """One field that failed validation: its dotted path in the request and what is wrong with it."""

    field: str
    message: str


@dataclass(frozen=True)
class Problem:
    """The body of an error answer; `detail` is never empty."""

    status: int
    detail: str
    code: str = "unknown"
    request_id: str | None = None
    fields: tuple[FieldProblem, ...] = ()
    retry_after_seconds: float | None = None

    def line(self) -> str:
        """One readable line: the detail, then the fields that it does not name yet."""
        named = [f"{item.field}: {item.message}" for item in self.fields if f"{item.field}: " not in self.detail]
        return " ".join([self.detail, *([f"({'; '.join(named)})"] if named else [])])


class RequestFailed(ClientError):
    """The server answered with an error status; `problem` holds its body."""

    code = "request_failed"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.line())
        self.problem = problem


class RequestInvalid(RequestFailed):
    """400, 413, 422: the request itself is wrong."""


class RequestUnauthenticated(RequestFailed):
    """401: the API key is missing or wrong."""


class RequestForbidden(RequestFailed):
    """403: the key is good, but lacks the scope."""


class RequestNotFound(RequestFailed):
    """404: no such object for this tenant."""


class RequestConflict(RequestFailed):
    """409: the object's state does not allow it."""


class RequestThrottled(RequestFailed, TryAgainLater):
    """429: too many requests, also after waiting as long as the policy allows."""


class ServerFailed(RequestFailed):
    """5xx: the server could not do it."""


class ServerAway(ServerFailed, TryAgainLater):
    """502, 503, 504: the server, or its database, is away."""


_BY_STATUS: dict[int, type[RequestFailed]] = {
    400: RequestInvalid,
    401: RequestUnauthenticated,
    403: RequestForbidden,
    404: RequestNotFound,
    409: RequestConflict,
    413: RequestInvalid,
    422: RequestInvalid,
    429: RequestThrottled,
    502: ServerAway,
    503: ServerAway,
    504: ServerAway,
}


def error_from(problem: Problem) -> RequestFailed:
    """The error of the class that fits the problem's status."""
    fallback = ServerFailed if problem.status >= 500 else RequestFailed
    return _BY_STATUS.get(problem.status, fallback)(problem)


def problem_from(status: int, body: object, retry_after_seconds: float | None) -> Problem:
    """Read an error answer; a body that is no problem document (a proxy's page) still gives a readable line."""
    document: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    detail = document.get("detail") or document.get("title") or f"the server answered with status {status}"
    return Problem(
        status=status,
        detail=str(detail),
        code=str(document.get("code") or "unknown"),
        request_id=document.get("request_id"),
        fields=_field_problems(document.get("errors")),
        retry_after_seconds=retry_after_seconds,
    )


def _field_problems(errors: object) -> tuple[FieldProblem, ...]:
    if not isinstance(errors, list):
        return ()
    entries = [entry for entry in errors if isinstance(entry, Mapping)]
    return tuple(FieldProblem(_dotted(entry.get("loc")), str(entry.get("msg", "is not valid"))) for entry in entries)


def _dotted(location: object) -> str:
    """`["body", "labels", "team"]` as `labels.team`: where a value came from is of no use to the reader."""
    parts = [str(part) for part in location] if isinstance(location, list | tuple) else [str(location or "request")]
    if len(parts) > 1 and parts[0] in ("body", "query", "path", "header"):
        parts = parts[1:]
    return ".".join(parts)
