"""Error answers: `application/problem+json` (RFC 9457), the same shape for every status."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from agent_runtime.api.json_text import to_json
from agent_runtime.domain.errors import AgentRuntimeError

MEDIA_TYPE = "application/problem+json"
_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    429: "too_many_requests",
    431: "head_too_large",
    500: "internal_error",
    503: "database_unavailable",
}


_AFTER_VALIDATION = re.compile(r"Value should have (at least|at most) (\d+) items? after validation, not \d+")


def worded(message: str) -> str:
    """What pydantic says of a value, with characters called so where it counts items of a text."""
    found = _AFTER_VALIDATION.fullmatch(message)
    if found is None:
        return message.removeprefix("Value error, ")
    return f"must have {found[1]} {found[2]} character{'' if found[2] == '1' else 's'}"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one part of a request; `loc` begins with body, query, path or header."""

    loc: Sequence[str | int]
    msg: str


class Problem(AgentRuntimeError):
    """An error answer, raised by whoever finds that the request cannot be served."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        *,
        code: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code or _CODES.get(status, "error")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """The document of RFC 9457, with our members `code`, `request_id` and, for validation, `errors`."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [{"loc": list(each.loc), "msg": each.msg} for each in self.errors]
        return document

    def response(self, request_id: str) -> Response:
        """The answer itself."""
        return Response(to_json(self.body(request_id)), self.status, headers=self.headers, media_type=MEDIA_TYPE)


def invalid(errors: Sequence[FieldError], *, status: int = 422) -> Problem:
    """A refused request; the detail names the fields in one line."""
    shown = "; ".join(f"{_path(each.loc)}: {each.msg}" for each in errors[:5])
    more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
    return Problem(status, shown + more, errors)


def _path(loc: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in (loc[1:] or loc))


def invalid_field(loc: Sequence[str | int], message: str) -> Problem:
    """A refused request with one wrong field."""
    return invalid([FieldError(loc, message)])
