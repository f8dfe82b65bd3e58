"""Sandboxes of E2B: virtual machines, reached through its library, which is loaded when one is first needed."""

import asyncio
import base64
import contextlib
import shlex
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from agent_runtime.domain.errors import SandboxFailed, SandboxGone, SandboxUnavailable
from agent_runtime.sandboxes.inside import Capped
from agent_runtime.sandboxes.sandbox import (
    OUTPUT_BYTES,
    WORKING_DIRECTORY,
    ExecResult,
    FilePart,
    Output,
    ProcessReport,
    SandboxSpec,
)

if TYPE_CHECKING:
    from e2b import AsyncSandbox

_REQUEST_SECONDS = 60.0
_MARGIN_SECONDS = 15.0
_LOOK_SECONDS = 30.0
_KILLED = 137
_DEFAULT_VCPU, _DEFAULT_MEMORY_MB = 2, 512
# A command in the background, in a session of its own; what it says and how it ends lies in files.
_PLACE = '"${TMPDIR:-/tmp}"/.par-processes/'
_START = (
    "mkdir -p {place}.. && mkdir {place} 2>/dev/null || exit 0; cd " + WORKING_DIRECTORY + " 2>/dev/null;"
    ' place={place}; export place; setsid nohup bash -c \'bash -c "$1" >"$place/out" 2>"$place/err";'
    ' echo $? >"$place/code"\' par {command} </dev/null >/dev/null 2>&1 & echo $! >{place}/pid'
)
_READ = (
    "cd {place} || exit 9; cat code 2>/dev/null || echo running; for name in out err; do"
    " size=$(stat -c %s $name 2>/dev/null || echo 0); echo $size; head -c {half} $name 2>/dev/null | base64 -w0; echo;"
    " [ $size -gt {half} ] && rest=$((size - {half})) || rest=0; [ $rest -gt {half} ] && rest={half};"
    " tail -c $rest $name 2>/dev/null | base64 -w0; echo; done"
)
_KILL = "cd {place} || exit 9; [ -f code ] && exit 3; kill -9 -- -$(cat pid); echo -9 >code"


class E2bSandboxes:
    """`environment` holds E2B's variables; its key is sent to E2B alone."""

    name = "e2b"

    def __init__(self, environment: Mapping[str, str]) -> None:
        names = {"api_key": "E2B_API_KEY", "domain": "E2B_DOMAIN"}
        # For servers that speak E2B's protocol; the library will drop both.
        names |= {"api_url": "E2B_API_URL", "sandbox_url": "E2B_SANDBOX_URL"}
        self._options: dict[str, Any] = {
            option: environment[name] for option, name in names.items() if environment.get(name)
        }
        if "api_url" in self._options:
            self._options["http_version"] = "1.1"

    def prepare(self, spec: SandboxSpec) -> None:
        """Nothing: a machine costs money from its start."""

    async def create(self, name: str, spec: SandboxSpec, attempt: int) -> "E2bSandbox":
        """A new sandbox; the same `name` gives the same one, should the answer have been lost."""
        library = await asyncio.to_thread(_library)
        async with _errors("create"):
            made = await library.create(
                spec.template,
                timeout=spec.timeout_seconds,
                metadata={"par": name},
                idempotency_key=name,
                request_timeout=_REQUEST_SECONDS,
                **self._options,
            )
        return await _sized(made, spec)

    async def connect(self, sandbox_id: str, spec: SandboxSpec, attempt: int) -> "E2bSandbox":
        """An existing one; E2B resumes it. It cannot keep an earlier attempt out."""
        library = await asyncio.to_thread(_library)
        async with _errors("connect"):
            found = await library.connect(
                sandbox_id, timeout=spec.timeout_seconds, request_timeout=_REQUEST_SECONDS, **self._options
            )
        return await _sized(found, spec)


def _library() -> "type[AsyncSandbox]":
    from e2b import AsyncSandbox

    return AsyncSandbox


async def _sized(sandbox: "AsyncSandbox", spec: SandboxSpec) -> "E2bSandbox":
    vcpu, memory_mb = _DEFAULT_VCPU, _DEFAULT_MEMORY_MB
    with contextlib.suppress(SandboxFailed):
        async with _errors("look at"):
            found = await sandbox.get_info(request_timeout=_REQUEST_SECONDS)
            vcpu, memory_mb = found.cpu_count, found.memory_mb
    return E2bSandbox(sandbox, spec, vcpu, memory_mb)


@asynccontextmanager
async def _errors(what: str) -> AsyncIterator[None]:
    """E2B's errors as ours, by what the caller can do."""
    from e2b import exceptions as e2b

    try:
        yield
    except (e2b.SandboxNotFoundException, e2b.SandboxNotRunningException) as error:
        raise SandboxGone(f"E2B has no such sandbox any more: {error}") from error
    except e2b.NotFoundException as error:
        kind = "not_found" if what != "create" else "failed"
        if what == "create":
            raise SandboxUnavailable(f"E2B could not {what} a sandbox: {error}") from error
        raise SandboxFailed(str(error), kind=kind) from error
    except (e2b.SandboxException, e2b.AuthenticationException, e2b.ServiceBusyException, OSError) as error:
        if what == "create":
            raise SandboxUnavailable(f"E2B could not {what} a sandbox: {error}") from error
        kind = "is_directory" if "is a directory" in str(error) else "failed"
        raise SandboxFailed(f"E2B could not {what}: {error}", kind=kind) from error


class E2bSandbox:
    """One virtual machine."""

    def __init__(self, sandbox: "AsyncSandbox", spec: SandboxSpec, vcpu: int, memory_mb: int) -> None:
        self._sandbox = sandbox
        self._seconds = spec.timeout_seconds
        self.vcpu = vcpu
        self.memory_mb = memory_mb

    @property
    def sandbox_id(self) -> str:
        """E2B's own."""
        return str(self._sandbox.sandbox_id)

    async def exec(self, command: str, timeout_seconds: float, output_bytes: int = OUTPUT_BYTES) -> ExecResult:
        """Run a command to its end; its output is cut as it comes, the library keeps none of it."""
        out, err = Capped(output_bytes), Capped(output_bytes)
        # The library does not hold to its own timeout, so the machine has to.
        limited = f"exec timeout -s KILL {timeout_seconds:g} bash -c {shlex.quote(command)}"
        began = time.monotonic()
        code = await self._run(limited, timeout_seconds, out, err)
        timed_out = code == _KILLED and time.monotonic() - began >= timeout_seconds
        return ExecResult(code, Output(**out.shown()), Output(**err.shown()), timed_out)

    async def _run(self, command: str, seconds: float, out: Capped, err: Capped) -> int:
        from e2b import CommandExitException

        async with _errors("run the command"):
            try:
                async with asyncio.timeout(seconds + 2 * _MARGIN_SECONDS):
                    handle = await self._sandbox.commands.run(
                        command,
                        background=True,
                        cwd=WORKING_DIRECTORY,
                        timeout=seconds + _MARGIN_SECONDS,
                        on_stdout=lambda text: out.feed(text.encode("utf-8", "replace")),
                        on_stderr=lambda text: err.feed(text.encode("utf-8", "replace")),
                        retain_output=False,
                    )
                    return (await handle.wait()).exit_code
            except CommandExitException as error:
                return error.exit_code

    async def start(self, process_id: str, command: str) -> None:
        """Start a command in the background."""
        made = _START.format(place=_PLACE + shlex.quote(process_id), command=shlex.quote(command))
        result = await self.exec(made, _LOOK_SECONDS)
        if result.exit_code != 0:
            raise SandboxFailed(f"the command could not be started: {result.stderr.text[:500]}")

    async def process(self, process_id: str) -> ProcessReport:
        """Its state and output, from its files."""
        half = OUTPUT_BYTES // 2
        command = _READ.format(place=_PLACE + shlex.quote(process_id), half=half)
        result = await self.exec(command, _LOOK_SECONDS, 16 * OUTPUT_BYTES)
        if result.exit_code == 9:
            raise SandboxFailed(f"there is no process {process_id!r} in this sandbox")
        state, *lines = result.stdout.text.splitlines()
        out, err = _output(lines[:3], half), _output(lines[3:6], half)
        return ProcessReport(state == "running", None if state == "running" else int(state), out, err)

    async def kill(self, process_id: str) -> bool:
        """End it with all of its session."""
        result = await self.exec(_KILL.format(place=_PLACE + shlex.quote(process_id)), _LOOK_SECONDS)
        if result.exit_code == 9:
            raise SandboxFailed(f"there is no process {process_id!r} in this sandbox")
        return result.exit_code == 0

    async def read(self, path: str, offset: int = 0, size: int = -1) -> FilePart:
        """A part of a file; E2B sends it from its beginning."""
        whole = await self._size(path)
        end = whole if size < 0 else min(whole, offset + size)
        data, position = bytearray(), 0
        stream = self.stream(path)
        async with contextlib.aclosing(stream):
            async for piece in stream:
                data += piece[max(0, offset - position) : max(0, end - position)]
                position += len(piece)
                if position >= end:
                    break
        return FilePart(bytes(data), whole)

    async def _size(self, path: str) -> int:
        from e2b import FileType

        async with _errors("look at the file"):
            found = await self._sandbox.files.get_info(_place(path), request_timeout=_REQUEST_SECONDS)
        if found.type == FileType.DIR:
            raise SandboxFailed(f"{path} is a directory", kind="is_directory")
        return found.size

    async def stream(self, path: str) -> AsyncGenerator[bytes]:
        """A whole file, piece by piece."""
        async with _errors("read the file"):
            pieces = await self._sandbox.files.read(_place(path), format="stream")
            async for piece in pieces:
                yield piece

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], size: int | None = None) -> None:
        """A whole file."""
        with tempfile.SpooledTemporaryFile(max_size=2**20) as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                async for piece in content:
                    file.write(piece)
            file.seek(0)
            async with _errors("write the file"):
                await self._sandbox.files.write(_place(path), file)

    async def is_alive(self) -> bool:
        """Whether it answers."""
        try:
            async with _errors("look at the sandbox"):
                return bool(await self._sandbox.is_running(request_timeout=_REQUEST_SECONDS))
        except SandboxFailed:
            return False

    async def keep_alive(self) -> None:
        """Begin its lifetime anew."""
        async with _errors("prolong the sandbox"):
            await self._sandbox.set_timeout(self._seconds, request_timeout=_REQUEST_SECONDS)

    async def pause(self) -> None:
        """E2B keeps it with its memory."""
        async with _errors("pause the sandbox"):
            await self._sandbox.pause(request_timeout=_REQUEST_SECONDS)

    async def destroy(self) -> None:
        """End it."""
        with contextlib.suppress(SandboxGone):
            async with _errors("end the sandbox"):
                await self._sandbox.kill(request_timeout=_REQUEST_SECONDS)


def _place(path: str) -> str:
    return path if path.startswith("/") else f"{WORKING_DIRECTORY}/{path}"


def _output(lines: list[str], half: int) -> Output:
    """From the size of an output and its two ends."""
    size, head, tail = int(lines[0]), *(base64.b64decode(line) for line in lines[1:])
    return Output(head.decode("utf-8", "replace"), tail.decode("utf-8", "replace"), max(0, size - 2 * half))
