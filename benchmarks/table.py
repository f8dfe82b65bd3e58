"""What a benchmark prints: one table, whose verdicts are computed from the numbers and their bars."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median


@dataclass(frozen=True)
class Bar:
    """A limit that `judged` ("ours" or "ratio") must keep: at least `least`, or at most `most`."""

    least: float | None = None
    most: float | None = None
    judged: str = "ours"

    def met_by(self, value: float) -> bool:
        """Whether a value keeps the bar."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        limit = f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"
        return f"ratio {limit}" if self.judged == "ratio" else limit


@dataclass(frozen=True)
class Line:
    """One measure. `peer_name` says whom `peer` belongs to; the ratio is ours over the peer's."""

    measure: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    bar: Bar | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's; None without a peer."""
        return self.ours / self.peer if self.peer else None

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing when there is no bar."""
        if self.bar is None:
            return ""
        value = self.ratio if self.bar.judged == "ratio" else self.ours
        return "met" if value is not None and self.bar.met_by(value) else "missed"


@dataclass
class Table:
    """The result of one benchmark."""

    name: str
    setting: str
    lines: list[Line] = field(default_factory=list)

    def add(self, measure: str, unit: str, ours: float, **rest: object) -> None:
        """Append a line; `rest` are the other fields of Line."""
        self.lines.append(Line(measure, unit, ours, **rest))  # type: ignore[arg-type]

    def __str__(self) -> str:
        head = ["measure", "ours", "peer", "ratio", "bar", "verdict"]
        rows = [head, *(_cells(line) for line in self.lines)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
        body = [_padded(row, widths) for row in rows]
        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([f"### {self.name}", "", self.setting, "", body[0], rule, *body[1:]])

    def as_json(self) -> str:
        """The same for programs: one line of JSON with every number as it was measured."""
        lines = [{**asdict(line), "ratio": line.ratio, "verdict": line.verdict} for line in self.lines]
        return json.dumps({"name": self.name, "setting": self.setting, "lines": lines})


def _padded(cells: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _cells(line: Line) -> list[str]:
    peer = "" if line.peer is None else f"{shown(line.peer)} {line.peer_name}".strip()
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    measure = line.measure + (f" ({line.note})" if line.note else "")
    return [measure, f"{shown(line.ours)} {line.unit}", peer, ratio, str(line.bar or ""), line.verdict]


def shown(value: float) -> str:
    """Three figures, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def medians(samples: Mapping[str, Iterable[float]]) -> dict[str, float]:
    """The median of each series."""
    return {name: median(values) for name, values in samples.items()}


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, without interpolation."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
