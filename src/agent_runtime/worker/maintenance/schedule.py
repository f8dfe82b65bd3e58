"""Runs the duties, each at its own pace, until the worker ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from agent_runtime.domain.errors import DatabaseUnavailable

_log = structlog.get_logger("worker.maintenance")


@dataclass(frozen=True)
class Duty:
    """Something done every `seconds`, by `run_once`."""

    name: str
    seconds: float
    run_once: Callable[[], Awaitable[object]]


async def run_duties(duties: list[Duty]) -> None:
    """Run all duties side by side, for ever."""
    await asyncio.gather(*(_run(duty) for duty in duties))


async def _run(duty: Duty) -> None:
    while True:
        await asyncio.sleep(duty.seconds)
        try:
            await duty.run_once()
        except DatabaseUnavailable as error:
            _log.info("duty_waits_for_database", duty=duty.name, error=str(error))
        except Exception:  # noqa: BLE001 - a duty that fails once must not end the others; it is done again at its next turn
            _log.exception("duty_failed", duty=duty.name)
