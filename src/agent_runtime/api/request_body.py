"""Reads a request's body within a limit and checks it: JSON, text that can be stored, then the model."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from agent_runtime.api.json_text import has_more_parts
from agent_runtime.api.problem import FieldError, Problem, invalid, worded

JSON_BYTES = 1_048_576
BATCH_BYTES = 16 * 1_048_576
# Members and elements of one body: a batch of a thousand tasks with all their labels has fewer.
MOST_PARTS = 20_000
MOST_BATCH_PARTS = 100_000
READ_SECONDS = 30.0
_MOST_ERRORS = 20

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]


async def read_body(request: Request, model: type[Model], *, limit: int = JSON_BYTES) -> Model:
    """The body as a checked `model`. An empty body stands for `{}`.

    Raises Problem: 400 not JSON, 408 too slow, 413 over `limit` bytes, 415 another content type, 422 a wrong field.
    """
    raw = await read_raw(request, limit)
    if raw:
        require_json_type(request)
    return parsed(raw, model)


def parsed(raw: bytes, model: type[Model], *, part: str | None = None) -> Model:
    """The bytes of a JSON text (the body, or a `part` of it) as a checked `model`; none are `{}`. Raises Problem."""
    raw = raw if raw.strip() else b"{}"
    most = MOST_PARTS if len(raw) <= JSON_BYTES else MOST_BATCH_PARTS
    if has_more_parts(raw, most):
        raise Problem(413, f"the body has more than {most} members and elements")
    if b"\\u" in raw:
        _refuse_unstorable_text(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise problem_of(error, part=part) from None


async def read_raw(request: Request, limit: int) -> bytes:
    """The bytes of the body; reading stops at the first byte over `limit`, however much more would come."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise Problem(408, f"the body did not arrive within {READ_SECONDS:g} s", headers=_CLOSE) from None
    except ClientDisconnect:
        raise Problem(400, "the body ended early") from None
    return b"".join(parts)


def require_json_type(request: Request) -> None:
    """Raise 415 unless the content type says JSON: a form of a foreign page cannot send that."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, f"the body must be application/json, not {kind[:100] or 'without a content type'}")


def problem_of(error: ValidationError, source: str = "body", *, part: str | None = None) -> Problem:
    """The answer to what pydantic found; `part` is that of a multipart body which is no JSON."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        what = "the body" if part is None else f"the part {part}"
        return Problem(400, f"{what} is not JSON: {found[0]['msg'].removeprefix('Invalid JSON: ')}")
    return invalid([FieldError((source, *each["loc"]), worded(each["msg"])) for each in found[:_MOST_ERRORS]])


_CLOSE = {"Connection": "close"}


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is over the limit of {limit} bytes", headers=_CLOSE)


def _refuse_unstorable_text(raw: bytes) -> None:
    """Escapes may spell a NUL or half a surrogate pair, which PostgreSQL cannot store as text."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return  # the model's own parser words the problem
    errors = [FieldError(("body", *where), what) for where, what in _unstorable(document, ())]
    if errors:
        raise invalid(errors[:_MOST_ERRORS])


def _unstorable(value: Any, where: Location) -> Iterator[tuple[Location, str]]:
    pending: list[tuple[Any, Location]] = [(value, where)]
    while pending:
        current, place = pending.pop()
        if isinstance(current, str):
            if (message := text_problem(current)) is not None:
                yield place, message
        elif isinstance(current, dict):
            for key, entry in current.items():
                if (message := text_problem(key)) is not None:
                    yield place, f"a key {message}"
                else:
                    pending.append((entry, (*place, key)))
        elif isinstance(current, list):
            pending.extend((entry, (*place, index)) for index, entry in enumerate(current))


def text_problem(text: str) -> str | None:
    """Why a text cannot be stored; None when it can."""
    if "\x00" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair"
    return None
