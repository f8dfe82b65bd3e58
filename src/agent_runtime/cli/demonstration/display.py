"""How the demo is shown: lines that scroll above a live one on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from agent_runtime.cli.demonstration import play
from agent_runtime.cli.demonstration.performance import DemoReport
from agent_runtime.cli.output import Output, stdout_is_terminal
from agent_runtime.cli.task_progress import TaskProgress
from agent_runtime.cli.wording import duration, money, safe_line

_WORKER_COLOURS = ("cyan", "green", "yellow", "blue")


class PlainAudience:
    """One line of text for each thing that happens; on stderr when stdout carries JSON."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.turns = 0
        self._started = time.monotonic()

    def __enter__(self) -> PlainAudience:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def event(self, kind: str, data: dict[str, Any], worker_id: str) -> None:
        if kind == "turn" and data.get("kind") != "user_turn":
            self.turns += 1
            self.show(f"turn {self.turns:>2}/{play.TURNS}", safe_line(data.get("text") or "", 70), worker_id)
        elif kind == "tool_result":
            self.show("    result", safe_line(data.get("result") or data.get("text") or "", 70), worker_id)
        elif data.get("event_type") == "task_claimed":
            self.show("     claim", f"worker {worker_id} runs the task", worker_id)

    def killed(self, worker_id: str, pid: int) -> None:
        self.alarm(f"kill -9 {pid}: worker {worker_id} is dead in the middle of a model call")

    def taken_over(self, worker_id: str, seconds: float) -> None:
        self.alarm(f"worker {worker_id} took over after {duration(seconds)}")

    def show(self, label: str, text: str, worker_id: str) -> None:
        self.output.talk(f"{time.monotonic() - self._started:5.1f} s  {label}  {text}")

    def alarm(self, text: str) -> None:
        self.output.talk(f"{time.monotonic() - self._started:5.1f} s  {'*' * 10}  {text}")

    def report(self, report: DemoReport) -> None:
        if self.output.as_json:
            self.output.json(report.as_json())
            return
        for label, value in figures(report):
            self.output.line(f"{label.ljust(20)}  {value}")


class LiveAudience(PlainAudience):
    """The same on a terminal, in colours of the workers, with a line that keeps counting."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._progress = TaskProgress()
        self._colours: dict[str, str] = {}
        self._console = Console()
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=10, transient=True)

    def __enter__(self) -> PlainAudience:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def event(self, kind: str, data: dict[str, Any], worker_id: str) -> None:
        self._progress.take(kind, data)
        super().event(kind, data, worker_id)

    def show(self, label: str, text: str, worker_id: str) -> None:
        from rich.text import Text

        colour = self._colours.setdefault(worker_id, _WORKER_COLOURS[len(self._colours) % len(_WORKER_COLOURS)])
        line = Text(f"{time.monotonic() - self._started:5.1f} s  ", style="dim", no_wrap=True, overflow="ellipsis")
        line.append(label, style=f"not dim bold {colour}").append(f"  {text}", style="not dim")
        self._console.print(line)

    def alarm(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(f"{time.monotonic() - self._started:5.1f} s  {text}", style="bold red"))

    def report(self, report: DemoReport) -> None:
        from rich.panel import Panel
        from rich.table import Table

        table = Table.grid(padding=(0, 3))
        table.add_column(style="dim")
        table.add_column(style="bold", overflow="fold")
        for label, value in figures(report):
            table.add_row(label, value)
        title = "The task survived its worker" if report.good else "The task did not survive"
        self._console.print(Panel(table, title=title, border_style="green" if report.good else "red", expand=False))

    def _draw(self) -> Any:
        from rich.text import Text

        self._spinner.update(text=Text(self._progress.line(time.monotonic() - self._started), style="bold"))
        return self._spinner


def audience_for(output: Output) -> PlainAudience:
    """The display that fits where stdout goes."""
    return LiveAudience(output) if stdout_is_terminal() and not output.as_json else PlainAudience(output)


def figures(report: DemoReport) -> list[tuple[str, str]]:
    """The closing figures, worded."""
    return [
        ("Result", safe_line(report.result)),
        ("Takeover", f"{duration(report.takeover_seconds)} after kill -9 of worker {report.killed_worker_id}"),
        ("Steps not repeated", f"{report.steps_kept} of {report.steps_total} (repeated: {report.steps_repeated})"),
        (
            "Money saved",
            f"{money(report.saved_cost_microdollars)} not spent again, of {money(report.total_cost_microdollars)}",
        ),
        ("Took", f"{duration(report.duration_seconds)} for task {report.task_id}"),
    ]
