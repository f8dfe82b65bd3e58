"""Named points in the code where a test makes the process end, stop, fail or wait; inert otherwise.

A process arms them once at its start with `arm(settings.fault, allowed=settings.faults_allowed)`. A spec is
`point:nth:action`, several by comma: at the nth time that this process reaches the point, it does the action.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass

from agent_runtime.domain.errors import ConfigurationError

POINTS = frozenset(
    {
        "submit.committed",
        "cancel.committed",
        "redrive.committed",
        "answer.committed",
        "claim.committed",
        "attempt.started",
        "model.before_call",
        "model.returned",
        "tool.before_call",
        "tool.after_call",
        "flush.before_commit",
        "flush.after_commit",
        "finish.before_commit",
        "finish.after_commit",
        "takeover.before_commit",
        "takeover.after_commit",
        "drain.before_handover",
        "artifact.writing",
        "artifact.stored",
        "artifact.named",
    }
)
EXIT_CODE = 86
_SETTING = "PAR_FAULT"


class FaultInjected(RuntimeError):
    """What the action `raise` raises: an error that no rule of the project expects."""


@dataclass(frozen=True)
class Fault:
    """One armed action; `seconds` counts for `sleep` alone."""

    nth: int
    action: str
    seconds: float = 0.0


_armed: dict[str, list[Fault]] = {}
_reached: dict[str, int] = {}
_lock = threading.Lock()


def reach(point: str) -> None:
    """Mark that the code is at this point. Costs one look at an empty dict unless a fault is armed."""
    if _armed:
        _count(point)


def arm(spec: str | None, *, allowed: bool) -> None:
    """Arm the faults of a spec, replacing those armed before; None or an empty text disarms all.

    Raises ConfigurationError for an unknown point or action, and when faults are not allowed.
    """
    faults = parse(spec or "")
    if faults and not allowed:
        raise ConfigurationError(_SETTING, "is for tests: it needs PAR_FAULTS_ALLOWED=1")
    with _lock:
        _reached.clear()
        _armed.clear()
        _armed.update(faults)


def parse(spec: str) -> dict[str, list[Fault]]:
    """Read a spec; raises ConfigurationError when it is wrong."""
    faults: dict[str, list[Fault]] = {}
    for part in filter(None, (word.strip() for word in spec.split(","))):
        point, _, rest = part.partition(":")
        nth, _, action = rest.partition(":")
        if point not in POINTS:
            raise ConfigurationError(_SETTING, f"there is no fault point {point!r}; known: {', '.join(sorted(POINTS))}")
        if not nth.isdecimal() or int(nth) < 1:
            raise ConfigurationError(_SETTING, f"{part!r} is not point:nth:action with nth from 1 on")
        faults.setdefault(point, []).append(_fault(part, int(nth), action))
    return faults


def _fault(part: str, nth: int, action: str) -> Fault:
    word, _, seconds = action.partition(":")
    if word in ("exit", "stop", "raise") and not seconds:
        return Fault(nth, word)
    try:
        if word == "sleep" and 0 <= float(seconds) < float("inf"):
            return Fault(nth, word, float(seconds))
    except ValueError:
        pass
    raise ConfigurationError(_SETTING, f"the action of {part!r} must be exit, stop, raise or sleep:<seconds>")


def _count(point: str) -> None:
    with _lock:
        if point not in POINTS:
            raise ValueError(f"fault point {point!r} is not registered in POINTS")
        _reached[point] = _reached.get(point, 0) + 1
        due = [fault for fault in _armed.get(point, ()) if fault.nth == _reached[point]]
    for fault in due:
        _act(point, fault)


def _act(point: str, fault: Fault) -> None:
    # The line goes out by a bare write, since an exit flushes nothing.
    os.write(2, f"fault point {point}: {fault.action} at reach {fault.nth}\n".encode())
    if fault.action == "exit":
        os._exit(EXIT_CODE)
    if fault.action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if fault.action == "raise":
        raise FaultInjected(f"fault point {point} was armed with raise")
    if fault.action == "sleep":
        # Blocks the event loop on purpose: that is the fault.
        time.sleep(fault.seconds)
