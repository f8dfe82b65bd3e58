"""What a sandbox is, whoever provides it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

# Where relative paths start and commands run, and where files given at submission lie.
WORKING_DIRECTORY = "/home/user"
INPUT_FOLDER = "input"
# What is kept of an output: half of it from its beginning, half from its end.
OUTPUT_BYTES = 24 * 1024


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """How large a sandbox is, and how long (seconds) it lives without being used.

    None means what the provider's template says; `disk_mb` and `processes` hold for local ones.
    """

    template: str | None = None
    vcpu: int | None = None
    memory_mb: int | None = None
    timeout_seconds: int = 3600
    disk_mb: int = 2048
    processes: int = 256


@dataclass(frozen=True, slots=True)
class Output:
    """An output, whole or with its middle left out."""

    head: str = ""
    tail: str = ""
    left_out: int = 0

    @property
    def text(self) -> str:
        """As a reader should see it."""
        gap = f"\n[… {self.left_out} bytes left out …]\n" if self.left_out else ""
        return f"{self.head}{gap}{self.tail}"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command came to. `limits` names those that ended one of its processes: `memory`, `disk`."""

    exit_code: int
    stdout: Output = field(default_factory=Output)
    stderr: Output = field(default_factory=Output)
    timed_out: bool = False
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """A command in the background: its output until now, and its exit code when it has ended."""

    running: bool
    exit_code: int | None
    stdout: Output
    stderr: Output


@dataclass(frozen=True, slots=True)
class FilePart:
    """Some bytes of a file, and the size of all of it."""

    data: bytes
    file_size: int


class Sandbox(Protocol):
    """One sandbox. Every call raises SandboxGone when it is lost, SandboxFailed when it cannot do what it was asked."""

    @property
    def sandbox_id(self) -> str:
        """What `connect` takes."""

    @property
    def vcpu(self) -> int:
        """Processors that it has."""

    @property
    def memory_mb(self) -> int:
        """Memory that it has."""

    async def exec(self, command: str, timeout_seconds: float, output_bytes: int = OUTPUT_BYTES) -> ExecResult:
        """Run `bash -c command` in the working directory. At the timeout all its processes are killed."""

    async def start(self, process_id: str, command: str) -> None:
        """Start a command in the background under a name of the caller's; a second start of the name does nothing."""

    async def process(self, process_id: str) -> ProcessReport:
        """How a command in the background is doing. Reading it changes nothing."""

    async def kill(self, process_id: str) -> bool:
        """End a command in the background with all its processes; False when it had ended."""

    async def read(self, path: str, offset: int = 0, size: int = -1) -> FilePart:
        """A part of a file, all of it by default."""

    def stream(self, path: str) -> AsyncIterator[bytes]:
        """A whole file, piece by piece."""

    async def write(self, path: str, content: bytes | AsyncIterator[bytes], size: int | None = None) -> None:
        """A whole file with its folders; `size` is needed with an iterator."""

    async def is_alive(self) -> bool:
        """Whether it answers. Never raises SandboxFailed."""

    async def keep_alive(self) -> None:
        """Begin its lifetime anew."""

    async def pause(self) -> None:
        """Stop all that runs in it, and keep it for as long as a person may take to answer."""

    async def destroy(self) -> None:
        """End all its processes and remove all of it; no error when it is gone."""


class SandboxProvider(Protocol):
    """Where sandboxes come from."""

    @property
    def name(self) -> str:
        """The word for it in an agent's configuration."""

    def prepare(self, spec: SandboxSpec) -> None:
        """A sandbox of that kind may soon be wanted: what can be done beforehand is done in the background."""

    async def create(self, name: str, spec: SandboxSpec, attempt: int) -> Sandbox:
        """A new sandbox; `name` is the caller's and unique. Raises SandboxUnavailable."""

    async def connect(self, sandbox_id: str, spec: SandboxSpec, attempt: int) -> Sandbox:
        """An existing one, resumed if it was paused. An earlier attempt can use it no more. Raises SandboxGone."""
