"""The one place that sends requests: deadlines, retries, idempotency keys, errors, pages."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from agent_runtime.client.errors import RequestFailed, RequestNotFound, ServerUnreachable, error_from, problem_from
from agent_runtime.client.retry import RETRIED_STATUSES, RetryPolicy

JsonObject = dict[str, Any]
QueryValue = str | int | bool | Sequence[str] | None

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_LARGEST_PAGE = 200


@dataclass(frozen=True)
class ClientOptions:
    """Where the server is and how patient a call is. `timeout_seconds` bounds one attempt, connection included."""

    url: str = "http://127.0.0.1:8080"
    api_key: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True)
class Reply:
    """A successful answer: its parsed body and its headers (names in lower case)."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Form:
    """A body of parts (name, content, type by name of field), some of them files; one attempt may take `seconds`."""

    parts: Any
    seconds: float


class Connection:
    """One HTTP connection pool to one server. Not safe to share between event loops."""

    def __init__(self, options: ClientOptions) -> None:
        self.options = options
        self._http = _open_pool(options)

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, query: Mapping[str, QueryValue] | None = None) -> Any:
        return (await self.send("GET", path, query=query)).body

    async def post(self, path: str, body: object = None, *, idempotency_key: str | None = None) -> Any:
        """POST under an idempotency key: the caller's, or one made here so that a repeated attempt acts once."""
        key = idempotency_key or str(uuid.uuid4())
        return (await self.send("POST", path, body=body, headers={"Idempotency-Key": key})).body

    async def put(self, path: str, body: object) -> Any:
        return (await self.send("PUT", path, body=body)).body

    async def patch(self, path: str, body: object) -> Any:
        return (await self.send("PATCH", path, body=body)).body

    async def delete(self, path: str) -> None:
        await self.send("DELETE", path)

    async def items(self, path: str, query: Mapping[str, QueryValue], limit: int | None) -> AsyncIterator[JsonObject]:
        """The rows of a list, page after page, at most `limit` of them (None: all)."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            page_size = _LARGEST_PAGE if left is None else min(left, _LARGEST_PAGE)
            page = await self.get(path, {**query, "limit": page_size, "cursor": cursor})
            for row in page["items"]:
                yield row
            left = None if left is None else left - len(page["items"])
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, QueryValue] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        form: Form | None = None,
    ) -> Reply:
        """Send until there is an answer or the policy is exhausted.

        Raises:
            RequestFailed: the server answered with an error status (its subclasses say which).
            ServerUnreachable: no answer.
        """
        request = self._http.build_request(
            method,
            path,
            params=_query_pairs(query),
            content=_encoded(body),
            files=form.parts if form else None,
            headers=_with_type(headers, body),
        )
        attempt, started = 0, time.monotonic()
        while True:
            attempt += 1
            outcome = await self._attempt(request, form.seconds if form else self.options.timeout_seconds)
            if isinstance(outcome, Reply):
                return outcome
            if method == "DELETE" and attempt > 1 and isinstance(outcome, RequestNotFound):
                # An earlier try, whose answer was lost, has deleted it.
                return Reply(204, None, {})
            pause = self._pause_after(attempt, time.monotonic() - started, outcome)
            if pause is None:
                raise outcome
            await asyncio.sleep(pause)

    def stream(self, path: str, headers: Mapping[str, str]) -> Any:
        """An open streamed GET, as httpx's context manager; its reader handles failures (`task_stream.py`)."""
        timeout = httpx.Timeout(self.options.timeout_seconds, read=None)
        return self._http.stream("GET", path, headers=dict(headers), timeout=timeout)

    async def _attempt(self, request: httpx.Request, seconds: float) -> Reply | RequestFailed | ServerUnreachable:
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.send(request)
        except (httpx.TransportError, TimeoutError) as error:
            return self.unreachable(error)
        if response.status_code < 400:
            return Reply(response.status_code, _decoded(response), response.headers)
        return failure_of(response)

    def _pause_after(
        self, attempt: int, elapsed_seconds: float, failure: RequestFailed | ServerUnreachable
    ) -> float | None:
        if isinstance(failure, ServerUnreachable):
            return self.options.retry.pause_after(attempt, elapsed_seconds)
        if failure.problem.status not in RETRIED_STATUSES:
            return None
        return self.options.retry.pause_after(attempt, elapsed_seconds, failure.problem.retry_after_seconds)

    def unreachable(self, error: BaseException) -> ServerUnreachable:
        """The error that says which server did not answer and what to try."""
        reason = "did not answer in time" if _is_timeout(error) else f"cannot be reached ({_reason(error)})"
        return ServerUnreachable(
            f"The server at {self.options.url} {reason}. Start one with `par up`, or set PAR_URL to where it runs."
        )


def segment(identifier: str) -> str:
    """An id as one segment of a path, whatever characters a user typed into it."""
    return quote(identifier, safe="")


def failure_of(response: httpx.Response) -> RequestFailed:
    """The error for an answer of status 400 or more whose body has been read."""
    try:
        body = response.json()
    except ValueError:
        body = None
    return error_from(problem_from(response.status_code, body, _retry_after(response)))


def _open_pool(options: ClientOptions) -> httpx.AsyncClient:
    address = urlsplit(options.url)
    headers = {"Accept": "application/json", "User-Agent": "par-client"}
    if options.api_key:
        headers["Authorization"] = f"Bearer {options.api_key}"
    return httpx.AsyncClient(
        base_url=options.url.rstrip("/"),
        headers=headers,
        timeout=options.timeout_seconds,
        # Loading the certificate bundle costs 20 ms that plain HTTP never uses; redirects are off, so it stays plain.
        verify=address.scheme != "http",
        # A proxy of the environment is for the outside world, not for the server on this machine.
        trust_env=address.hostname not in _LOOPBACK_NAMES,
    )


def _query_pairs(query: Mapping[str, QueryValue] | None) -> httpx.QueryParams:
    pairs: list[tuple[str, str]] = []
    for name, value in (query or {}).items():
        if isinstance(value, str) or not isinstance(value, Sequence):
            pairs += [] if value is None else [(name, str(value))]
        else:
            pairs += [(name, entry) for entry in value]
    return httpx.QueryParams(tuple(pairs))


def _encoded(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _with_type(headers: Mapping[str, str] | None, body: object) -> dict[str, str]:
    typed = {} if body is None else {"Content-Type": "application/json"}
    return {**typed, **(headers or {})}


def _decoded(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise error_from(
            problem_from(502, {"detail": f"{response.url} answered with something that is not JSON"}, None)
        ) from None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of a `Retry-After` header; its date form is rare and read as absent."""
    try:
        return max(0.0, float(response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, httpx.TimeoutException | TimeoutError)


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
