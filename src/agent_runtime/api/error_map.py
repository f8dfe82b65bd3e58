"""Which error becomes which answer. Nothing of an unexpected error reaches the client; the log has it by request id."""

from collections.abc import Sequence

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.problem import FieldError, Problem, invalid, worded
from agent_runtime.domain.errors import (
    Conflict,
    DatabaseUnavailable,
    InvalidRequest,
    NotFound,
    ObjectStoreUnavailable,
    Overloaded,
    RequestRefused,
    TooLarge,
)
from agent_runtime.store.database import is_data_refusal

_log = structlog.get_logger(__name__)


def install(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Have the application, which serves these routes, answer every error as a problem document."""

    async def answer_http(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            error = _wrong_method(routes, request.scope["path"])
        return await _answer(request, error)

    unavailable = (DatabaseUnavailable, ObjectStoreUnavailable, Overloaded)
    for kind in (Problem, RequestRefused, RequestValidationError, *unavailable):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(HTTPException, answer_http)


async def _answer(request: Request, error: Exception) -> Response:
    return problem_for(error).response(request_id_of(request))


def request_id_of(request: Request) -> str:
    """The id that the middleware gave this request."""
    return str(request.scope.get("par.request_id", ""))


def problem_for(error: BaseException) -> Problem:
    """The answer to an error of any kind."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestRefused):
        return _refused(error)
    if isinstance(error, DatabaseUnavailable):
        headers = {"Retry-After": str(error.retry_after_seconds)}
        return Problem(503, "the database cannot be reached: send the same request again soon", headers=headers)
    if isinstance(error, ObjectStoreUnavailable):
        _log.warning("object_store_unavailable", error=str(error))
        detail = "the store of the files cannot be reached: send the same request again soon"
        return Problem(503, detail, headers={"Retry-After": "5"}, code="object_store_unavailable")
    if isinstance(error, Overloaded):
        return Problem(429, str(error), headers={"Retry-After": "1"})
    if isinstance(error, RequestValidationError):
        return _invalid_parameters(error)
    if isinstance(error, HTTPException):
        return _http(error)
    if is_data_refusal(error):
        return Problem(422, "a value cannot be stored as it was sent")
    _log.error("request_failed", error=f"{type(error).__name__}: {error}", exc_info=error)
    return Problem(500, "this request failed by a fault of the server; its log tells more under the request id")


def _refused(error: RequestRefused) -> Problem:
    if isinstance(error, NotFound):
        return Problem(404, str(error))
    if isinstance(error, Conflict):
        return Problem(409, str(error))
    if isinstance(error, TooLarge):
        return Problem(413, str(error), headers={"Connection": "close"})
    if isinstance(error, InvalidRequest):
        found = FieldError(error.location, str(error))
        return invalid([found], status=400 if error.between_fields else 422)
    return Problem(400, str(error))


def _http(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return Problem(404, "there is nothing at this path")
    return Problem(error.status_code, str(error.detail), headers=error.headers)


def _wrong_method(routes: Sequence[APIRoute], path: str) -> Problem:
    """A path's methods lie in several routes, and all are named (RFC 9110, 15.5.6)."""
    methods = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
    allowed = ", ".join(sorted(methods))
    return Problem(405, f"this path does not take this method; it takes {allowed}", headers={"Allow": allowed})


def _invalid_parameters(error: RequestValidationError) -> Problem:
    """A path that cannot be an id names nothing, like an id that does not exist; the rest is the client's mistake."""
    found = error.errors()
    for each in found:
        if each["loc"][0] == "path":
            return problem_for(NotFound(str(each["loc"][1]).removesuffix("_id"), str(each.get("input"))[:200]))
    return invalid([FieldError(each["loc"], worded(each["msg"])) for each in found[:20]])
