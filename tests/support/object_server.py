"""An S3 server of this machine, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from agent_runtime.config import Settings, load
from agent_runtime.embedded.identity import tied_to_parent
from agent_runtime.embedded.ports import free_port
from tests.support.waiting import eventually_sync


@contextmanager
def running_object_server() -> Iterator[str]:
    """Its address."""
    port = free_port("127.0.0.1")
    address = f"http://127.0.0.1:{port}"
    command = [*tied_to_parent("KILL"), sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            eventually_sync(lambda: _answers(address), "the object server answers", seconds=60)
            yield address
        finally:
            process.kill()
            process.wait(10)


def settings_with_bucket(address: str, folder: Path) -> Settings:
    """Settings whose artifacts lie in a fresh bucket of the server."""
    bucket = f"files-{uuid4().hex[:12]}"
    request = urllib.request.Request(f"{address}/{bucket}", method="PUT", data=b"")
    with urllib.request.urlopen(request, timeout=10):
        pass
    environment = {
        "PAR_ENV_FILE": "",
        "PAR_ARTIFACT_URL": f"s3://{bucket}/some/prefix",
        "PAR_ARTIFACT_ENDPOINT": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    return load(environment, folder)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except OSError:
        return False
