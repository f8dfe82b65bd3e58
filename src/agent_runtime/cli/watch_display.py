"""How a task being followed is shown: a live line on a terminal, plain lines in a pipe, NDJSON for programs."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Protocol

from agent_runtime.cli.output import Output, stdout_is_terminal
from agent_runtime.cli.request_page import circumstances, question, request_of, ways_to_answer
from agent_runtime.cli.task_progress import TaskProgress, describe
from agent_runtime.cli.wording import money, result_text, safe, safe_line, spent_of, task_duration


class WatchDisplay(Protocol):
    """What following a task needs from a display. Used in `with`, so that a live line is taken away at the end."""

    def __enter__(self) -> WatchDisplay: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def event(self, kind: str, data: dict[str, Any], sequence: int | None) -> None: ...

    def lost(self, reason: str) -> None: ...

    def result(self, task: dict[str, Any]) -> None: ...


def display_for(output: Output) -> WatchDisplay:
    """The display that fits where stdout goes."""
    if output.as_json:
        return JsonDisplay(output)
    return LiveDisplay(output) if stdout_is_terminal() else PlainDisplay(output)


class QuietDisplay:
    """Shows nothing while waiting; `--wait` prints only what came out."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.progress = TaskProgress()
        self.reconnecting = False

    def __enter__(self) -> WatchDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def event(self, kind: str, data: dict[str, Any], sequence: int | None) -> None:
        self.progress.take(kind, data)
        self.reconnecting = False

    def lost(self, reason: str) -> None:
        """Told for each attempt, said once for each outage."""
        if not self.reconnecting:
            self.output.note("Connection lost, trying again ...")
        self.reconnecting = True

    def result(self, task: dict[str, Any]) -> None:
        if self.output.as_json:
            self.output.json(task)
        else:
            print_result(self.output, task, self.progress.unpriced_note)


class JsonDisplay(QuietDisplay):
    """One line of JSON for each event, the task itself last."""

    def event(self, kind: str, data: dict[str, Any], sequence: int | None) -> None:
        super().event(kind, data, sequence)
        self.output.json_line({"event": kind, "id": sequence, "data": data})

    def result(self, task: dict[str, Any]) -> None:
        self.output.json_line({"event": "result", "id": None, "data": task})


class PlainDisplay(QuietDisplay):
    """One line of text for each durable event."""

    def event(self, kind: str, data: dict[str, Any], sequence: int | None) -> None:
        super().event(kind, data, sequence)
        line = describe(kind, data)
        if line is not None:
            self.output.line(line)


class LiveDisplay(QuietDisplay):
    """Events scroll by above one line that keeps counting."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._started = time.monotonic()
        self._console = Console()
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> WatchDisplay:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def event(self, kind: str, data: dict[str, Any], sequence: int | None) -> None:
        super().event(kind, data, sequence)
        line = describe(kind, data)
        if line is not None:
            self._console.print(self._styled(kind, line, data), soft_wrap=False, overflow="ellipsis", no_wrap=True)

    def lost(self, reason: str) -> None:
        self.reconnecting = True

    def _draw(self) -> Any:
        from rich.text import Text

        text = Text(self.progress.line(time.monotonic() - self._started), style="bold", no_wrap=True)
        if self.reconnecting:
            text.append("  connection lost, trying again", style="yellow")
        elif self.progress.typing:
            text.append(f"  {safe_line(self.progress.typing)[-60:]}", style="dim")
        self._spinner.update(text=text)
        return self._spinner

    def _styled(self, kind: str, line: str, data: dict[str, Any]) -> Any:
        from rich.text import Text

        text = Text(line)
        text.stylize("red" if data.get("is_error") or data.get("error_message") else _COLOURS.get(kind, ""), 0, 7)
        return text


_COLOURS = {"lifecycle": "magenta", "turn": "cyan", "tool_call": "yellow", "tool_result": "green", "compaction": "blue"}


def print_result(output: Output, task: dict[str, Any], cost_note: str = "") -> None:
    """How the task stands: its text, then one line with status, steps, cost and duration."""
    text = result_text(task) if task["status"] == "completed" else standing_reason(task)
    if text:
        output.line(safe(text))
    output.line(summary_line(task, cost_note))


def summary_line(task: dict[str, Any], cost_note: str) -> str:
    steps = task.get("step_count", 0)
    parts = [
        safe_line(task["status"]),
        f"{steps} {'step' if steps == 1 else 'steps'}",
        money(task.get("total_cost_microdollars")) + cost_note,
        task_duration(task),
    ]
    saved = task.get("saved_cost_microdollars")
    return " · ".join([*parts, *([f"{money(saved)} saved by checkpoints"] if saved else [])])


def standing_reason(task: dict[str, Any]) -> str:
    """Why the task is where it is, and what to do about it; empty when there is nothing to say."""
    task_id, status = task["task_id"], task["status"]
    if status == "dead_letter":
        why = ": ".join(str(part) for part in (task.get("dead_letter_reason"), task.get("last_error_message")) if part)
        return f"Failed: {safe_line(why)}\nSend it round again with `par task redrive {task_id}`."
    if status in ("waiting_for_approval", "waiting_for_input"):
        return _page_of(request_of(task))
    if status == "paused":
        return _why_paused(task)
    return ""


def _why_paused(task: dict[str, Any]) -> str:
    reason, details = safe_line(task.get("pause_reason") or "budget"), task.get("pause_details") or {}
    clears = details.get("clears")
    return f"Paused: {reason}{spent_of(details)}." + (f"\nHow it clears: {safe_line(clears)}." if clears else "")


def _page_of(request: dict[str, Any]) -> str:
    title = "Waits for approval of this call:" if request["kind"] == "approval" else "Waits for an answer:"
    return "\n".join([title, question(request), circumstances(request), ways_to_answer(request)])
