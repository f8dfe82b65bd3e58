"""Files in the sandbox: read, written, edited, and kept as artifacts."""

import base64
import shlex
from collections.abc import AsyncIterator
from typing import Any

from agent_runtime.domain.errors import ToolFailed
from agent_runtime.sandboxes.sandbox import Sandbox
from agent_runtime.tools.call_environment import current
from agent_runtime.tools.sandbox_call import in_sandbox, noticed, task_sandbox

_WHOLE_BYTES = 2**20
_LONGEST_LINE = 2000
_PART_BYTES = 24_000
_EDIT_BYTES = 10 * 2**20
_LOOK_BYTES = 8192
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


async def sandbox_read_file(path: str, offset: int, limit: int) -> str | list[dict[str, Any]]:
    """Lines of a text file with their numbers, or an image as an image."""
    part = await in_sandbox(lambda sandbox: sandbox.read(path, 0, _WHOLE_BYTES), repeatable=True)
    kind = _image_kind(part.data)
    if kind is not None:
        if part.file_size > _WHOLE_BYTES:
            raise ToolFailed(f"{path} is an image of {part.file_size} bytes; at most {_WHOLE_BYTES} can be shown")
        return [{"type": "image", "base64": base64.b64encode(part.data).decode(), "mime_type": kind}]
    if b"\0" in part.data[:_LOOK_BYTES]:
        raise ToolFailed(
            f"{path} is binary ({part.file_size} bytes): look at it with sandbox_exec (file, xxd, strings)"
        )
    if part.file_size <= _WHOLE_BYTES:
        lines = part.data.decode("utf-8", "replace").splitlines()
        return noticed(_numbered(lines[offset - 1 : offset - 1 + limit], offset, len(lines)))
    return await _read_large(path, offset, limit)


async def _read_large(path: str, offset: int, limit: int) -> str:
    """A part of a file that is too large to fetch: cut where it lies."""
    name, last = shlex.quote(path), offset + limit - 1
    command = (
        f"wc -l < {name} && sed -n '{offset},{last}p;{last}q' {name} | cut -b 1-{_LONGEST_LINE} | head -c {_PART_BYTES}"
    )
    result = await in_sandbox(lambda sandbox: sandbox.exec(command, 60, 2 * _PART_BYTES), repeatable=True)
    if result.exit_code != 0:
        raise ToolFailed(noticed(result.stderr.text.strip() or f"{path} could not be read"))
    total, _, text = result.stdout.text.partition("\n")
    return noticed(_numbered(text.splitlines(), offset, int(total)))


def _numbered(lines: list[str], first: int, total: int) -> str:
    if not lines:
        return f"[no lines from {first}: the file has {total} lines]"
    shown: list[str] = []
    room = _PART_BYTES
    for number, line in enumerate(lines, first):
        cut = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} [… {len(line) - _LONGEST_LINE} more]"
        room -= len(cut.encode("utf-8", "replace")) + 8
        if room < 0 and shown:
            break
        shown.append(f"{number}\t{cut}")
    return "\n".join([*shown, f"[lines {first} to {first + len(shown) - 1} of {total}]"])


def _image_kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _IMAGES.items() if data.startswith(start)), None)


async def sandbox_write_file(path: str, content: str) -> str:
    """Write a whole file."""
    data = content.encode("utf-8", "replace")
    await in_sandbox(lambda sandbox: sandbox.write(path, data), repeatable=False)
    return noticed(f"wrote {len(data)} bytes to {path}")


async def sandbox_edit(path: str, old_string: str, new_string: str, replace_all: bool) -> str:
    """Replace exact text in a file."""
    if old_string == new_string:
        raise ToolFailed("old_string and new_string are the same: nothing would change")

    async def edit(sandbox: Sandbox) -> int:
        part = await sandbox.read(path, 0, _EDIT_BYTES)
        changed, times = _replaced(path, part.data, part.file_size, (old_string, new_string), replace_all)
        await sandbox.write(path, changed)
        return times

    times = await in_sandbox(edit, repeatable=False)
    return noticed(f"replaced {times} occurrence{'s' if times > 1 else ''} in {path}")


def _replaced(path: str, data: bytes, size: int, strings: tuple[str, str], replace_all: bool) -> tuple[bytes, int]:
    """The changed content and how often it changed. Raises ToolFailed."""
    if size > len(data):
        raise ToolFailed(f"{path} has {size} bytes; at most {_EDIT_BYTES} can be edited this way")
    old, new = (text.encode("utf-8", "replace") for text in strings)
    times = data.count(old)
    if times == 0:
        raise ToolFailed(
            f"old_string does not occur in {path}: read the file and copy the text exactly, spaces included"
        )
    if times > 1 and not replace_all:
        raise ToolFailed(f"old_string occurs {times} times in {path}: add text around it, or set replace_all")
    return data.replace(old, new), times


async def export_sandbox_file(path: str, filename: str | None) -> str:
    """Keep a file of the sandbox as an output of the task."""
    environment, sandbox = current(), task_sandbox()
    artifacts = environment.services.artifacts
    if artifacts is None:
        raise ToolFailed("files cannot be kept here")
    name = filename or path.rstrip("/").rpartition("/")[2]
    # Looked at first, so that what is no file is said in the sandbox's words.
    await in_sandbox(lambda made: made.read(path, 0, 1), repeatable=True)
    saved = await artifacts.save(name, None, _content(path), tool_call_id=environment.tool_call_id)
    await sandbox.exported(name, path)
    return noticed(f"saved {saved.filename} ({saved.size_bytes} bytes) as a file of the task")


async def _content(path: str) -> AsyncIterator[bytes]:
    async def opened(sandbox: Sandbox) -> AsyncIterator[bytes]:
        return sandbox.stream(path)

    stream = await in_sandbox(opened, repeatable=True)
    async for part in stream:
        yield part
