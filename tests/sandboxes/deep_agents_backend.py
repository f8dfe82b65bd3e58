"""A sandbox as the backend of deepagents, so that its public suite for sandboxes runs against ours."""

import asyncio
import threading
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from deepagents.backends.protocol import ExecuteResponse, FileDownloadResponse, FileUploadResponse
from deepagents.backends.sandbox import BaseSandbox

from agent_runtime.domain.errors import SandboxFailed
from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec

T = TypeVar("T")
_SECONDS = 60.0
# The suite wants outputs of half a megabyte whole.
_OUTPUT_BYTES = 2 * 2**20
_ERRORS = {"not_found": "file_not_found", "is_directory": "is_directory"}


class LocalBackend(BaseSandbox):
    """One local sandbox, driven by an event loop in a thread of its own as every call of the suite blocks."""

    def __init__(self, root: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._sandbox = self._wait(LocalSandboxes(root).create(uuid.uuid4().hex, SandboxSpec(), 1))

    @property
    def id(self) -> str:
        return self._sandbox.sandbox_id

    def execute(self, command: str, *, timeout: int | None = None) -> ExecuteResponse:
        result = self._wait(self._sandbox.exec(command, timeout or _SECONDS, _OUTPUT_BYTES))
        truncated = bool(result.stdout.left_out or result.stderr.left_out)
        return ExecuteResponse(result.stdout.text + result.stderr.text, result.exit_code, truncated)

    def upload_files(self, files: list[tuple[str, bytes]]) -> list[FileUploadResponse]:
        return [FileUploadResponse(path, self._upload(path, content)) for path, content in files]

    def download_files(self, paths: list[str]) -> list[FileDownloadResponse]:
        return [self._download(path) for path in paths]

    def close(self) -> None:
        """End the sandbox."""
        self._wait(self._sandbox.destroy())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _upload(self, path: str, content: bytes) -> Any:
        if not path.startswith("/"):
            return "invalid_path"
        try:
            self._wait(self._sandbox.write(path, content))
        except SandboxFailed as error:
            return _word_for(error)
        return None

    def _download(self, path: str) -> FileDownloadResponse:
        if not path.startswith("/"):
            return FileDownloadResponse(path, error="invalid_path")
        try:
            return FileDownloadResponse(path, self._wait(self._sandbox.read(path)).data)
        except SandboxFailed as error:
            return FileDownloadResponse(path, error=_word_for(error))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _word_for(error: SandboxFailed) -> Any:
    denied = "permission_denied" if "Permission denied" in str(error) else str(error)
    return _ERRORS.get(error.kind, denied)
