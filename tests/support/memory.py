"""How much memory a process takes on while something runs."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass
class Growth:
    """The highest resident size seen, above that at the beginning; in bytes."""

    highest: int = 0


@contextmanager
def watched_memory(pid: int | None = None) -> Iterator[Growth]:
    """Looks every few milliseconds, at this process or another."""
    gc.collect()
    process, growth, done = psutil.Process(pid), Growth(), threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.005):
            growth.highest = max(growth.highest, process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield growth
    finally:
        done.set()
        watcher.join()
