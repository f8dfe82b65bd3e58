"""A sandbox for tests of what stands around sandboxes: a folder and plain `bash`, with no walls at all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE

from agent_runtime.domain.errors import SandboxFailed, SandboxGone
from agent_runtime.sandboxes.sandbox import OUTPUT_BYTES, ExecResult, FilePart, Output, ProcessReport, SandboxSpec


class FakeSandbox:
    """One folder; a lost one is taken out of `alive`. A command in the background is run to its end at once."""

    vcpu, memory_mb, paused = 1, 512, False

    def __init__(self, folder: Path, alive: dict[str, "FakeSandbox"]) -> None:
        self.sandbox_id, self._folder, self._alive = folder.name, folder, alive
        self._ended: dict[str, ExecResult] = {}

    def _place(self, path: str = ".") -> Path:
        if self.sandbox_id not in self._alive:
            raise SandboxGone(f"the sandbox {self.sandbox_id} is gone")
        return self._folder / path

    async def exec(self, command: str, timeout_seconds: float, output_bytes: int = OUTPUT_BYTES) -> ExecResult:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", command, cwd=self._place(), stdout=PIPE, stderr=PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), timeout_seconds)
        return ExecResult(process.returncode or 0, Output(out.decode()), Output(err.decode()))

    async def start(self, process_id: str, command: str) -> None:
        if process_id not in self._ended:
            self._ended[process_id] = await self.exec(command, 10.0)

    async def process(self, process_id: str) -> ProcessReport:
        ended = self._ended[process_id]
        return ProcessReport(False, ended.exit_code, ended.stdout, ended.stderr)

    async def kill(self, process_id: str) -> bool:
        return False

    async def read(self, path: str, offset: int = 0, size: int = -1) -> FilePart:
        try:
            data = self._place(path).read_bytes()
        except FileNotFoundError:
            raise SandboxFailed(f"No such file: {path}", kind="not_found") from None
        except IsADirectoryError:
            raise SandboxFailed(f"{path} is a directory", kind="is_directory") from None
        return FilePart(data[offset:] if size < 0 else data[offset : offset + size], len(data))

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        yield (await self.read(path)).data

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], size: int | None = None) -> None:
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else b"".join([part async for part in content]))

    async def is_alive(self) -> bool:
        return self.sandbox_id in self._alive

    async def keep_alive(self) -> None:
        self._place()

    async def pause(self) -> None:
        self.paused = True

    async def destroy(self) -> None:
        self._alive.pop(self.sandbox_id, None)


class FakeSandboxes:
    """Makes them below `root`, and knows those that are alive."""

    name = "fake"

    def __init__(self, root: Path) -> None:
        self.root, self.alive = root, dict[str, FakeSandbox]()

    def prepare(self, spec: SandboxSpec) -> None:
        pass

    async def create(self, name: str, spec: SandboxSpec, attempt: int) -> FakeSandbox:
        (self.root / name).mkdir(parents=True)
        return self.alive.setdefault(name, FakeSandbox(self.root / name, self.alive))

    async def connect(self, sandbox_id: str, spec: SandboxSpec, attempt: int) -> FakeSandbox:
        if sandbox_id not in self.alive:
            raise SandboxGone(f"there is no sandbox {sandbox_id}")
        self.alive[sandbox_id].paused = False
        return self.alive[sandbox_id]
