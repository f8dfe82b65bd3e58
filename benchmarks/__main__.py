"""`python -m benchmarks [--scale] [--only NAME] [--repeats N]`: run the benchmarks and print their tables."""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import structlog

from benchmarks.bed import Bed, running_bed
from benchmarks.table import Table

BENCHMARKS = (
    "ten_step",
    "one_step",
    "history",
    "claim",
    "latency",
    "takeover",
    "submissions",
    "herd",
    "capacity",
    "fairness",
    "streams",
    "artifacts",
    "tool_call",
    "sandbox",
)
SCALE = ("lists",)


def main() -> int:
    """Run what was asked for. The exit code is 0 also when a bar is missed: a shared machine is no judge."""
    arguments = _arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    names = arguments.only or (SCALE if arguments.scale else BENCHMARKS)
    print(_machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="par-bench-") as folder, running_bed(Path(folder)) as bed:
        tables = [_run(name, bed, arguments.repeats) for name in names]
    if arguments.json:
        Path(arguments.json).write_text("".join(table.as_json() + "\n" for table in tables), encoding="utf-8")
    lines = [line for table in tables for line in table.lines if line.bar is not None]
    missed = [line for line in lines if line.verdict == "missed"]
    print(f"\n{len(lines) - len(missed)} of {len(lines)} bars met")
    return 0


def _run(name: str, bed: Bed, repeats: int) -> Table:
    began = time.monotonic()
    table: Table = asyncio.run(import_module(f"benchmarks.{name}").run(bed, repeats))
    print(f"\n{table}\n\n({time.monotonic() - began:.0f} s)", flush=True)
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="One table per benchmark.")
    parser.add_argument("--scale", action="store_true", help="the benchmarks that need a large database")
    parser.add_argument("--only", action="append", choices=[*BENCHMARKS, *SCALE], help="run this one; may be repeated")
    parser.add_argument("--repeats", type=int, default=5, help="interleaved repeats (default 5)")
    parser.add_argument("--json", metavar="FILE", help="also write every number to this file, one line per table")
    return parser.parse_args()


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} CPUs, load {load:.2f} at the start, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main())
