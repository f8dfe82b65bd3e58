"""Small files that are whole or absent: written beside their place, then renamed into it."""

import json
import os
from pathlib import Path
from threading import get_ident
from typing import Any

from agent_runtime.domain.errors import StartFailed


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; a reader sees the old text or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_text(path: Path) -> str:
    """The text of a file; empty when there is none. Raises StartFailed when it belongs to somebody else."""
    try:
        return path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except PermissionError:
        raise StartFailed(f"cannot read {path}: it belongs to another user (PAR_DATA_DIR)") from None


def sync_folder(path: Path) -> None:
    """Make the names in a folder as durable as the files that they name (fsync(2), notes on directories)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty when the file is missing or not whole."""
    try:
        value = json.loads(read_text(path) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
