"""Which error becomes which answer. Nothing of an unexpected error reaches the client; the log has it by request id."""

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.problem import FieldError, Problem, invalid
from agent_runtime.domain.errors import Conflict, DatabaseUnavailable, InvalidRequest, NotFound, RequestRefused
from agent_runtime.store.database import is_data_refusal

_log = structlog.get_logger(__name__)


def install(app: FastAPI) -> None:
    """Have the application answer every error as a problem document."""
    for kind in (Problem, RequestRefused, DatabaseUnavailable, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)


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
    if isinstance(error, InvalidRequest):
        found = FieldError(error.location, str(error))
        return invalid([found], status=400 if error.between_fields else 422)
    return Problem(400, str(error))


def _http(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return Problem(404, "there is nothing at this path")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return Problem(405, f"this path does not take this method; it takes {allowed}", headers=error.headers)
    return Problem(error.status_code, str(error.detail), headers=error.headers)


def _invalid_parameters(error: RequestValidationError) -> Problem:
    """A path that cannot be an id names nothing, like an id that does not exist; the rest is the client's mistake."""
    found = error.errors()
    for each in found:
        if each["loc"][0] == "path":
            return problem_for(NotFound(str(each["loc"][1]).removesuffix("_id"), str(each.get("input"))[:200]))
    return invalid([FieldError(each["loc"], each["msg"].removeprefix("Value error, ")) for each in found])
