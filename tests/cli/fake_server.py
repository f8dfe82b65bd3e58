"""A small HTTP server that speaks the part of the contract that the CLI uses, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Refusal:
    """An error answer to give instead of the real one."""

    status: int
    detail: str = "refused"
    code: str = "refused"
    errors: list[Json] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeServer:
    """State that tests prepare and look at. `refusals` are given first, in order; `streams` one for each connection."""

    tasks: dict[str, Json] = field(default_factory=dict)
    agents: dict[str, Json] = field(default_factory=dict)
    workers: list[Json] = field(default_factory=list)
    models: list[Json] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refusals: deque[Refusal] = field(default_factory=deque)
    streams: deque[list[tuple[str, int | None, Json]]] = field(default_factory=deque)
    on_stream_event: Callable[[str, Json], None] | None = None
    # What to answer to a path that has no model here.
    answers: dict[str, Json] = field(default_factory=dict)
    api_key: str | None = None
    status_after_submit: str = "queued"
    _http: ThreadingHTTPServer | None = None

    def __enter__(self) -> FakeServer:
        fake = self

        class Handler(_Handler):
            server_state = fake

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        assert self._http is not None
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def add_task(self, **fields: Any) -> Json:
        """A task with the fields that every task has."""
        task_id = str(fields.pop("task_id", uuid.uuid4()))
        task: Json = {
            "task_id": task_id,
            "agent_id": "research",
            "agent_display_name": "Research",
            "status": "completed",
            "input": "question",
            "output": {"result": "the answer", "structured": None},
            "step_count": 4,
            "max_steps": 100,
            "input_tokens": 300,
            "output_tokens": 40,
            "total_cost_microdollars": 1234,
            "saved_cost_microdollars": 0,
            "retry_count": 0,
            "max_retries": 3,
            "labels": {},
            "created_at": "2026-01-02T03:04:05Z",
            "started_at": "2026-01-02T03:04:05Z",
            "completed_at": "2026-01-02T03:04:07Z",
            **fields,
        }
        self.tasks[task_id] = task
        return task

    def sent(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]


class _Handler(BaseHTTPRequestHandler):
    server_state: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        return

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

    def _serve(self) -> None:
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            self.command, address.path, parse_qs(address.query), headers, json.loads(raw) if raw else None
        )
        state = self.server_state
        state.requests.append(request)
        if state.refusals:
            self._refuse(state.refusals.popleft())
        elif state.api_key and headers.get("authorization") != f"Bearer {state.api_key}":
            self._refuse(Refusal(401, "the API key is missing or wrong", "unauthenticated"))
        elif address.path.endswith("/stream"):
            self._stream(request)
        else:
            self._route(request)

    def _route(self, request: Request) -> None:
        state, parts = self.server_state, request.path.strip("/").split("/")[1:]
        if request.path in state.answers:
            self._answer(200, state.answers[request.path])
            return
        lists: dict[str, list[Json]] = {
            "tasks": list(state.tasks.values()),
            "agents": list(state.agents.values()),
            "workers": state.workers,
            "models": state.models,
            "dead-letters": [task for task in state.tasks.values() if task["status"] == "dead_letter"],
        }
        if request.method == "GET" and len(parts) == 1 and parts[0] in lists:
            self._page(request, lists[parts[0]])
        elif parts == ["health"]:
            self._answer(
                200, {"status": "ok", "database": "ok", "active_workers": 2, "queued_tasks": 0, "version": "0.1.0"}
            )
        elif parts == ["dead-letters", "redrive"]:
            chosen = request.body.get("task_ids") or [task["task_id"] for task in lists["dead-letters"]]
            self._answer(200, {"redriven": len(chosen), "skipped": 0})
        elif parts[0] == "tasks":
            self._task(request, parts)
        elif parts[0] == "agents":
            self._agent(request, parts)
        else:
            self._refuse(Refusal(404, f"there is no route {request.path}", "not_found"))

    def _task(self, request: Request, parts: list[str]) -> None:
        state = self.server_state
        if request.method == "POST" and len(parts) == 1:
            task = state.add_task(agent_id=request.body["agent_id"], status=state.status_after_submit)
            self._answer(201, task)
            return
        found = state.tasks.get(parts[1])
        if found is None:
            self._refuse(Refusal(404, f"there is no task {parts[1]!r}", "not_found"))
        elif parts[2:] == ["cancel"] and found["status"] in ("completed", "dead_letter"):
            self._refuse(Refusal(409, f"task is {found['status']} and cannot be cancelled", "conflict"))
        elif parts[2:] == ["checkpoints"]:
            self._page(request, found.get("checkpoints", []))
        else:
            found["status"] = {"cancel": "dead_letter", "redrive": "queued"}.get(parts[-1], found["status"])
            self._answer(200, found)

    def _agent(self, request: Request, parts: list[str]) -> None:
        state = self.server_state
        agent_id = request.body["agent_id"] if request.method == "POST" else parts[1]
        if request.method == "GET" and agent_id not in state.agents:
            self._refuse(Refusal(404, f"there is no agent {agent_id!r}", "not_found"))
            return
        if request.method != "GET":
            defaults = {"status": "active", "max_concurrent_tasks": 5, "budget_max_per_task": 500_000, "version": 1}
            state.agents[agent_id] = {**defaults, **request.body, "agent_id": agent_id}
        self._answer(201 if request.method == "POST" else 200, state.agents[agent_id])

    def _page(self, request: Request, rows: list[Json]) -> None:
        limit, start = int(request.query["limit"][0]), int(request.query.get("cursor", ["0"])[0])
        end = start + limit
        following = str(end) if end < len(rows) else None
        self._answer(200, {"items": rows[start:end], "next_cursor": following})

    def _stream(self, request: Request) -> None:
        state = self.server_state
        if request.path.split("/")[3] not in state.tasks:
            self._refuse(Refusal(404, "there is no such task", "not_found"))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for kind, sequence, data in state.streams.popleft() if state.streams else []:
            identity = "" if sequence is None else f"id: {sequence}\n"
            self.wfile.write(f"event: {kind}\n{identity}data: {json.dumps(data)}\n\n".encode())
            self.wfile.flush()
            if state.on_stream_event is not None:
                state.on_stream_event(kind, data)
        self.close_connection = True

    def _refuse(self, refusal: Refusal) -> None:
        body = {
            "type": "about:blank",
            "title": "Refused",
            "status": refusal.status,
            "detail": refusal.detail,
            "code": refusal.code,
            "request_id": "r-1",
            **({"errors": refusal.errors} if refusal.errors else {}),
        }
        self._answer(refusal.status, body, {"Content-Type": "application/problem+json", **refusal.headers})

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
