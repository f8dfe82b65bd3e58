"""`par batch submit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from agent_runtime.cli.parameters import AsJson, KeepWaiting, WaitTimeout

if TYPE_CHECKING:
    from agent_runtime.cli.batch_file import BatchFile
    from agent_runtime.cli.batch_progress import BatchProgress
    from agent_runtime.cli.output import Output
    from agent_runtime.client import JsonObject, RequestFailed, RuntimeClient

EXAMPLES = (
    "par batch submit tasks.jsonl",
    "par batch submit questions.jsonl --agent research --label run=monday --wait",
    "jq -c '.[] | {input: .question}' questions.json | par batch submit - --agent research --wait --json",
)
_OLD_SECONDS = 5.0


def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help="One JSON value a line; - is stdin.", show_default=False)],
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Agent of the lines that name none.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label for all; repeatable.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Another key submits the same file again.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until all have ended, or need somebody.", show_default=False)
    ] = False,
    wait_timeout: WaitTimeout = None,
    keep_waiting: KeepWaiting = False,
    as_json: AsJson = False,
) -> int:
    """Submit the tasks of a file, and wait for them if asked.

    A line is what POST /v1/tasks takes, {"input": "..."} with --agent, or just the input as a JSON text. The file goes
    out in batches of up to 1,000. Broken off, run it again: for a day, what was submitted is not submitted twice.
    """
    from agent_runtime.cli.batch_file import read_batch_file
    from agent_runtime.cli.input_text import read_labels
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    tasks = read_batch_file(file, agent, read_labels(label or []))
    wish = _Wish(idempotency_key or "par-batch", wait, wait_timeout, not keep_waiting)
    return ask(lambda client: _submit_and_wait(client, tasks, wish, Output(as_json)))


@dataclass(frozen=True)
class _Wish:
    key: str
    wait: bool
    timeout_seconds: float | None
    stop_at_waits: bool


async def _submit_and_wait(client: RuntimeClient, tasks: BatchFile, wish: _Wish, output: Output) -> int:
    from agent_runtime.cli.batch_progress import BatchProgress, standing_line
    from agent_runtime.cli.exit_codes import for_batch

    with BatchProgress(output, len(tasks.tasks)) as progress:
        batches = await _submit(client, tasks, wish.key, progress)
    await _tell(client, batches, len(tasks.tasks), output)
    batch_ids = [batch["batch_id"] for batch in batches]
    standing: JsonObject | None = None
    if wish.wait:
        with BatchProgress(output, len(tasks.tasks)) as progress:
            standing = await _wait(client, batch_ids, wish, progress)
    value = {"batch_ids": batch_ids, "total": len(tasks.tasks), **(standing or {})}
    if output.as_json:
        output.json(value)
    elif standing is None:
        output.line("\n".join(batch_ids))
    else:
        output.line(standing_line(standing))
    return 0 if standing is None else for_batch(standing["counts"])


async def _submit(client: RuntimeClient, tasks: BatchFile, key: str, progress: BatchProgress) -> list[JsonObject]:
    from agent_runtime.cli.failure import CommandFailed, explain
    from agent_runtime.client import RequestFailed

    batches: list[JsonObject] = []
    done = 0
    try:
        async for batch in client.batches.submit(tasks.tasks, idempotency_key=key):
            batches.append({"batch_id": batch["batch_id"], "created_at": batch["items"][0]["created_at"]})
            done += len(batch["items"])
            progress.submitted(done)
    except RequestFailed as error:
        status = explain(error).exit_code
        rest = f" {done} of {len(tasks.tasks)} were submitted before; run it again to go on from there." if done else ""
        raise CommandFailed(f"{_with_lines(error, tasks, done)}{rest}", status) from error
    return batches


def _with_lines(error: RequestFailed, tasks: BatchFile, done: int) -> str:
    """What the server refused, by the lines of the file."""
    told = []
    for problem in error.problem.fields:
        words = problem.field.split(".")
        if words[0] == "tasks" and len(words) > 1 and words[1].isdecimal():
            told.append(f"line {tasks.lines[done + int(words[1])]}: {'.'.join(words[2:])}: {problem.message}")
    return f"Refused: {'; '.join(told)}." if told else str(error)


async def _wait(client: RuntimeClient, batch_ids: list[str], wish: _Wish, progress: BatchProgress) -> JsonObject:
    from agent_runtime.cli import exit_codes
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.client import BatchWait, WaitTimedOut

    options = BatchWait(wish.timeout_seconds, wish.stop_at_waits, progress.standing)
    try:
        return await client.batches.wait(batch_ids, options)
    except WaitTimedOut as error:
        hint = f"They go on; `par batch get {' '.join(batch_ids[:3])}` shows how far."
        raise CommandFailed(f"{error} {hint}", exit_codes.WAIT_TIMED_OUT) from None


async def _tell(client: RuntimeClient, batches: list[JsonObject], total: int, output: Output) -> None:
    """Say what was submitted, and when the server knew the file: whoever wants it run again has to be told how."""
    from email.utils import parsedate_to_datetime

    from agent_runtime.cli.wording import age, count, moment

    headers = (await client.health_reply()).headers
    now = parsedate_to_datetime(headers["date"]) if headers.get("date") else None
    old = [batch for batch in batches if now and (now - moment(batch["created_at"])).total_seconds() > _OLD_SECONDS]
    if old:
        when, number = age(old[0]["created_at"]), len(old)
        whole = "This file was" if number == len(batches) else f"{number} of {len(batches)} batches of this file were"
        output.note(f"{whole} submitted before ({when}) and not again; --idempotency-key KEY submits it anew.")
    else:
        output.note(f"Submitted {count(total)} {'task' if total == 1 else 'tasks'}.")
