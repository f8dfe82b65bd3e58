"""A server that speaks E2B's protocol, from the server classes that its library ships. Its sandboxes are folders here.

The library sends its timeouts as a header and does not hold to them itself, so this server does, as E2B's must.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from e2b.envd.filesystem import filesystem_pb
from e2b.envd.filesystem.filesystem_connect import Filesystem, FilesystemASGIApplication
from e2b.envd.process import process_pb
from e2b.envd.process.process_connect import Process, ProcessASGIApplication
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from protobuf import Oneof

from tests.support.waiting import eventually

HOME = "/home/user"


@dataclass
class Machine:
    """One sandbox: a folder and its processes."""

    sandbox_id: str
    folder: Path
    template: str
    until: datetime
    paused: bool = False
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    def place(self, path: str) -> Path:
        return self.folder / path.removeprefix(HOME).lstrip("/") if path.startswith(HOME) else Path(path)

    def answer(self) -> dict[str, Any]:
        return {
            "sandboxID": self.sandbox_id,
            "templateID": self.template,
            "clientID": "here",
            "envdVersion": "0.5.0",
            "envdAccessToken": "token-" + self.sandbox_id,
            "startedAt": datetime.now(UTC).isoformat(),
            "endAt": self.until.isoformat(),
            "cpuCount": 4,
            "memoryMB": 2048,
            "diskSizeMB": 1024,
            "state": "paused" if self.paused else "running",
        }


class E2bServer:
    """Keeps the machines; `refusals` creations are answered 503 first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machines: dict[str, Machine] = {}
        self.keys: dict[str, str] = {}
        self.refusals = 0
        self.api_keys: set[str] = set()

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/v2/sandboxes")(self.create)
        app.post("/v2/sandboxes/{sandbox_id}/connect")(self.connect)
        app.get("/sandboxes/{sandbox_id}")(self.get)
        app.post("/sandboxes/{sandbox_id}/pause")(self.pause)
        app.post("/sandboxes/{sandbox_id}/timeout")(self.timeout)
        app.delete("/sandboxes/{sandbox_id}")(self.delete)
        app.get("/health")(self.health)
        app.get("/files")(self.download)
        app.post("/files")(self.upload)
        app.mount("/process.Process", _Prefixed("/process.Process", ProcessASGIApplication(Processes(self))))
        app.mount("/filesystem.Filesystem", _Prefixed("/filesystem.Filesystem", FilesystemASGIApplication(Files(self))))
        return app

    async def create(self, request: Request) -> Response:
        self.api_keys.add(request.headers["x-api-key"])
        if self.refusals:
            self.refusals -= 1
            return _error(503, "no room")
        key = request.headers.get("idempotency-key", uuid.uuid4().hex)
        if key not in self.keys:
            body = await request.json()
            made = uuid.uuid4().hex
            (self.root / made).mkdir(parents=True)
            until = datetime.now(UTC) + timedelta(seconds=body["timeout"])
            self.machines[made] = Machine(made, self.root / made, body["templateID"], until)
            self.keys[key] = made
        return JSONResponse(self.machines[self.keys[key]].answer(), 201)

    def alive(self, sandbox_id: str) -> Machine | None:
        machine = self.machines.get(sandbox_id)
        return None if machine is None or (not machine.paused and machine.until < datetime.now(UTC)) else machine

    async def connect(self, sandbox_id: str, request: Request) -> Response:
        machine = self.alive(sandbox_id)
        if machine is None:
            return _error(404, "sandbox not found")
        machine.paused = False
        machine.until = datetime.now(UTC) + timedelta(seconds=(await request.json())["timeout"])
        return JSONResponse(machine.answer())

    async def get(self, sandbox_id: str) -> Response:
        machine = self.alive(sandbox_id)
        return _error(404, "sandbox not found") if machine is None else JSONResponse(machine.answer())

    async def pause(self, sandbox_id: str) -> Response:
        machine = self.alive(sandbox_id)
        if machine is None:
            return _error(404, "sandbox not found")
        machine.paused = True
        return Response(status_code=204)

    async def timeout(self, sandbox_id: str, request: Request) -> Response:
        machine = self.alive(sandbox_id)
        if machine is None:
            return _error(404, "sandbox not found")
        machine.until = datetime.now(UTC) + timedelta(seconds=(await request.json())["timeout"])
        return Response(status_code=204)

    async def delete(self, sandbox_id: str) -> Response:
        machine = self.machines.pop(sandbox_id, None)
        if machine is None:
            return _error(404, "sandbox not found")
        for process in machine.processes:
            _kill(process)
        shutil.rmtree(machine.folder, ignore_errors=True)
        return Response(status_code=204)

    def inside(self, headers: Any) -> Machine | None:
        """The machine that a request to the inside is for, by its token."""
        machine = self.alive(headers.get("e2b-sandbox-id", ""))
        known = machine is not None and headers.get("x-access-token") == "token-" + machine.sandbox_id
        return machine if known and machine is not None and not machine.paused else None

    async def health(self, request: Request) -> Response:
        return Response(status_code=204 if self.inside(request.headers) else 502)

    async def download(self, request: Request, path: str) -> Response:
        machine = self.inside(request.headers)
        if machine is None:
            return _error(502, "The sandbox was not found")
        place = machine.place(path)
        if not place.exists():
            return _error(404, f"path '{path}' does not exist")
        return _error(400, f"path '{path}' is a directory") if place.is_dir() else FileResponse(place)

    async def upload(self, request: Request, path: str) -> Response:
        machine = self.inside(request.headers)
        if machine is None:
            return _error(502, "The sandbox was not found")
        place = machine.place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if request.headers.get("content-type", "").startswith("multipart/"):
            async with request.form() as form:
                sent: Any = form["file"]
                place.write_bytes(await sent.read())
        else:
            place.write_bytes(await request.body())
        return JSONResponse([{"name": place.name, "type": "file", "path": path}])


def _error(status: int, message: str) -> Response:
    return JSONResponse({"code": status, "message": message}, status)


class _Prefixed:
    """The library's applications expect their full path, which a mount has cut."""

    def __init__(self, prefix: str, app: Any) -> None:
        self.prefix, self.app = prefix, app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"] if scope["path"].startswith(self.prefix) else self.prefix + scope["path"]
        await self.app({**scope, "root_path": "", "path": path}, receive, send)


class Processes(Process):
    """Runs commands, and ends them when the time that the caller gave is up or when it goes away."""

    def __init__(self, server: E2bServer) -> None:
        self.server = server

    async def start(self, request: process_pb.StartRequest, ctx: Any) -> AsyncIterator[process_pb.StartResponse]:
        machine = self.server.inside(ctx.request_headers)
        if machine is None:
            raise ConnectError(Code.UNAVAILABLE, "The sandbox was not found")
        limit, asked = ctx.timeout_ms, request.process
        if asked is None:
            raise ConnectError(Code.INVALID_ARGUMENT, "there is nothing to start")
        process = await asyncio.create_subprocess_exec(
            asked.cmd, *asked.args, cwd=machine.folder, start_new_session=True,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": str(machine.folder), "TMPDIR": str(machine.folder / ".tmp")},
        )  # fmt: skip
        machine.processes.append(process)
        try:
            async with asyncio.timeout(None if limit is None else limit / 1000):
                yield _event("start", process_pb.ProcessEvent.StartEvent(pid=process.pid))
                async for name, data in _outputs(process):
                    yield _event("data", process_pb.ProcessEvent.DataEvent(output=Oneof(name, data)))
                code = await process.wait()
                yield _event("end", process_pb.ProcessEvent.EndEvent(exit_code=_shell_code(code), exited=True))
        except TimeoutError:
            raise ConnectError(Code.DEADLINE_EXCEEDED, "the command took too long") from None
        finally:
            _kill(process)

    async def send_signal(self, request: process_pb.SendSignalRequest, ctx: Any) -> process_pb.SendSignalResponse:
        return process_pb.SendSignalResponse()


def _event(name: Any, event: Any) -> process_pb.StartResponse:
    return process_pb.StartResponse(event=process_pb.ProcessEvent(event=Oneof(name, event)))


def _shell_code(code: int) -> int:
    return code if code >= 0 else 128 - code


async def _outputs(process: asyncio.subprocess.Process) -> AsyncIterator[tuple[Any, bytes]]:
    queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(8)

    async def pump(name: str, stream: asyncio.StreamReader | None) -> None:
        while stream is not None and (data := await stream.read(32_768)):
            await queue.put((name, data))
        await queue.put(None)

    pumps = [
        asyncio.create_task(pump(name, stream))
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr))
    ]
    try:
        for _ in pumps:
            while (item := await queue.get()) is not None:
                yield item
    finally:
        for task in pumps:
            task.cancel()


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class Files(Filesystem):
    """Tells of files."""

    def __init__(self, server: E2bServer) -> None:
        self.server = server

    async def stat(self, request: filesystem_pb.StatRequest, ctx: Any) -> filesystem_pb.StatResponse:
        machine = self.server.inside(ctx.request_headers)
        if machine is None:
            raise ConnectError(Code.UNAVAILABLE, "The sandbox was not found")
        place = machine.place(request.path)
        if not place.exists():
            raise ConnectError(Code.NOT_FOUND, f"No such file: {request.path}")
        kind = filesystem_pb.FileType.DIRECTORY if place.is_dir() else filesystem_pb.FileType.FILE
        entry = filesystem_pb.EntryInfo(name=place.name, type=kind, path=request.path, size=place.stat().st_size)
        return filesystem_pb.StatResponse(entry=entry)


@contextlib.asynccontextmanager
async def running(server: E2bServer) -> AsyncIterator[dict[str, str]]:
    """Serve; gives E2B's variables for it."""
    config = uvicorn.Config(server.app(), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    serving = uvicorn.Server(config)
    task = asyncio.create_task(serving.serve())

    async def started() -> bool:
        return serving.started

    await eventually(started, "the server starts")
    port = serving.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        yield {"E2B_API_KEY": "e2b_" + "0" * 40, "E2B_API_URL": url, "E2B_SANDBOX_URL": url}
    finally:
        serving.should_exit = True
        await task
        for sandbox_id in list(server.machines):
            await server.delete(sandbox_id)
