"""A small HTTP server that speaks the part of the contract that the CLI uses, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.cli.fake_access import AccessState, access_answer

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
    refusals_of_posts: deque[Refusal | None] = field(default_factory=deque)
    statuses_of_batch: list[str] = field(default_factory=list)
    streams: deque[list[tuple[str, int | None, Json]]] = field(default_factory=deque)
    on_stream_event: Callable[[str, Json], None] | None = None
    # What to answer to a path that has no model here.
    answers: dict[str, Json] = field(default_factory=dict)
    access: AccessState = field(default_factory=AccessState)
    api_key: str | None = None
    status_after_submit: str = "queued"
    human_requests: list[Json] = field(default_factory=list)
    batches: dict[str, list[str]] = field(default_factory=dict)
    kept_answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    lost_answers: int = 0
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

    def add_request(self, **fields: Any) -> Json:
        """An open approval (or, with `kind="input"`, a question) of a task that waits for it."""
        kind = fields.get("kind", "approval")
        status = "waiting_for_approval" if kind == "approval" else "waiting_for_input"
        task = self.add_task(status=status, completed_at=None, output=None)
        request: Json = {
            "request_id": str(uuid.uuid4()),
            "task_id": task["task_id"],
            "agent_id": "research",
            "kind": kind,
            "prompt": "The agent wants to call calculator. Its policy for this tool is to ask first.",
            "tool_name": "calculator",
            "tool_call_id": "call-1",
            "tool_args": {"expression": "6 * 7"} if kind == "approval" else None,
            "reason": "policy_ask" if kind == "approval" else None,
            "details": None,
            "cost_so_far_microdollars": 140,
            "created_at": "2026-01-02T03:04:06Z",
            "expires_at": "2099-01-03T03:04:06Z",
            **fields,
        }
        names = ("request_id", "tool_name", "tool_args", "tool_call_id", "reason", "prompt", "details")
        task["pending_approval_action"] = {name: request[name] for name in names} if kind == "approval" else None
        task["pending_input_prompt"] = request["prompt"] if kind == "input" else None
        task["human_input_timeout_at"] = request["expires_at"]
        self.human_requests.append(request)
        return request

    def sent(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]


class _Handler(BaseHTTPRequestHandler):
    server_state: FakeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        return

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

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
        elif self.command == "POST" and state.refusals_of_posts and (refusal := state.refusals_of_posts.popleft()):
            self._refuse(refusal)
        elif state.api_key and headers.get("authorization") != f"Bearer {state.api_key}":
            self._refuse(Refusal(401, "the API key is missing or wrong", "unauthenticated"))
        elif address.path.endswith("/stream"):
            self._stream(request)
        else:
            self._once(request)

    def _once(self, request: Request) -> None:
        """Act once for each Idempotency-Key; of an answer that is to be lost, only the connection's end arrives."""
        state, key = self.server_state, request.headers.get("idempotency-key", "")
        if key in state.kept_answers:
            self._answer(*state.kept_answers[key])
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
        elif parts == ["human-requests"]:
            wanted = request.query.get("task_id", [None])[0]
            self._page(request, [row for row in state.human_requests if wanted in (None, row["task_id"])])
        elif parts == ["tasks", "batch"]:
            self._batch(request)
        elif parts[0] == "batches":
            self._counts(parts[1])
        elif parts[0] == "tasks" and parts[-1] in ("approve", "reject", "respond"):
            self._human_answer(parts[1])
        elif parts[0] == "tasks":
            self._task(request, parts)
        elif parts[0] in ("api-keys", "tenants", "audit"):
            self._answer(*access_answer(request.method, parts, request.query, request.body, state.access))
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

    def _batch(self, request: Request) -> None:
        state = self.server_state
        now = datetime.now(UTC).isoformat()
        tasks = [
            state.add_task(agent_id=body["agent_id"], input=body["input"], created_at=now)
            for body in request.body["tasks"]
        ]
        for task, status in zip(tasks, state.statuses_of_batch, strict=False):
            task["status"] = status
        batch_id = str(uuid.uuid4())
        state.batches[batch_id] = [task["task_id"] for task in tasks]
        self._answer(201, {"batch_id": batch_id, "items": tasks})

    def _counts(self, batch_id: str) -> None:
        state = self.server_state
        if batch_id not in state.batches:
            self._refuse(Refusal(404, f"there is no batch {batch_id!r}", "not_found"))
            return
        tasks = [state.tasks[task_id] for task_id in state.batches[batch_id]]
        cost = sum(task["total_cost_microdollars"] for task in tasks)
        counts = dict(Counter(task["status"] for task in tasks))
        created_at = "2026-01-02T03:04:05Z"
        facts = {"total": len(tasks), "counts": counts, "total_cost_microdollars": cost, "created_at": created_at}
        self._answer(200, {"batch_id": batch_id, **facts})

    def _human_answer(self, task_id: str) -> None:
        state, request = self.server_state, self.server_state.requests[-1]
        found = [row for row in state.human_requests if row["task_id"] == task_id]
        wanted = (request.body or {}).get("request_id")
        if not found or wanted not in (None, found[0]["request_id"]):
            detail = (
                f"the task is completed and waits for no such answer: request {wanted} was approved by ann at 10:00"
            )
            self._refuse(Refusal(409, detail, "wrong_state"))
            return
        state.human_requests.remove(found[0])
        waited = {"pending_approval_action": None, "pending_input_prompt": None}
        state.tasks[task_id] |= {"status": "queued", **waited}
        self._answer(200, state.tasks[task_id])

    def _versions(self, request: Request, parts: list[str]) -> None:
        agent = self.server_state.agents[parts[1]]
        if request.method == "GET":
            self._page(request, agent["versions"])
        else:
            self._answer(200, {**agent, "config_version": len(agent["versions"]) + 1})

    def _agent(self, request: Request, parts: list[str]) -> None:
        if "versions" in parts:
            self._versions(request, parts)
            return
        state = self.server_state
        agent_id = request.body["agent_id"] if request.method == "POST" else parts[1]
        if request.method == "GET" and agent_id not in state.agents:
            self._refuse(Refusal(404, f"there is no agent {agent_id!r}", "not_found"))
            return
        if request.method != "GET":
            defaults = {"status": "active", "max_concurrent_tasks": 5, "budget_max_per_task": 500_000, "version": 1}
            kept = state.agents.get(agent_id, {}) if request.method == "PATCH" else {}
            state.agents[agent_id] = {**defaults, **kept, **request.body, "agent_id": agent_id}
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
        state, key = self.server_state, self.headers.get("Idempotency-Key")
        if key and status < 400:
            state.kept_answers.setdefault(key, (status, body))
        if self.command == "POST" and state.lost_answers > 0:
            state.lost_answers -= 1
            self.close_connection = True
            return
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
