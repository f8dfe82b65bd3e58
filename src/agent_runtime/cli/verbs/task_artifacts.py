"""`par task artifacts`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, TaskId

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par task artifacts 0190a7c2-…",
    "par task artifacts 0190a7c2-… report.md -o report.md",
    "par task artifacts 0190a7c2-… data.csv --direction input -o - | head",
)
_HEADER = ("name", "direction", "type", "bytes", "made", "sha256")


def run(
    task_id: TaskId,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="File to download; without it they are listed.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - is stdout. Needed with NAME."),
    ] = None,
    direction: Annotated[
        str | None, typer.Option(metavar="input|output", help="Given with the task, or left by it.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """List the files of a task, or download one."""
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    if name is None:
        found = ask(lambda client: gather(client.tasks.artifacts(task_id, direction)))
        Output(as_json).rows(_HEADER, [_row(artifact) for artifact in found], found)
        return 0
    if output is None:
        raise CommandFailed("Say where to write the file: -o FILE, or -o - for stdout.")
    target = output
    size = ask(lambda client: _download(client, task_id, name, direction or "output", target))
    if str(output) != "-":
        told = Output(as_json)
        told.json({"file": str(output), "size_bytes": size}) if as_json else told.note(
            f"Wrote {size} bytes to {output}."
        )
    return 0


def _row(artifact: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age

    return [
        artifact["filename"],
        artifact["direction"],
        artifact["content_type"],
        str(artifact["size_bytes"]),
        age(artifact["created_at"]),
        artifact["sha256"][:12],
    ]


async def _download(client: RuntimeClient, task_id: str, name: str, direction: str, target: Path) -> int:
    chunks = client.tasks.download(task_id, name, direction=direction)
    if str(target) == "-":
        return await _written(chunks, sys.stdout.buffer)
    return await _saved(chunks, target)


async def _saved(chunks: AsyncIterator[bytes], target: Path) -> int:
    """The file appears under its name when it is whole; until then it lies beside it."""
    from agent_runtime.cli.failure import CommandFailed

    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            size = await _written(chunks, file)
        part.replace(target)
    except OSError as error:
        raise CommandFailed(f"Cannot write {target}: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return size


async def _written(chunks: AsyncIterator[bytes], file: Any) -> int:
    size = 0
    async for chunk in chunks:
        size += file.write(chunk)
    file.flush()
    return size
