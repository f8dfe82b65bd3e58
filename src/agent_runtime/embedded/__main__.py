"""The supervisor in the background: `python -m agent_runtime.embedded`, started by `commands.start`."""

import argparse
import os
import sys

from agent_runtime import fault_points
from agent_runtime.config import Settings, load
from agent_runtime.domain.errors import AgentRuntimeError
from agent_runtime.embedded.layout import layout_of
from agent_runtime.embedded.log_files import EventLog
from agent_runtime.embedded.programs import Programs
from agent_runtime.embedded.state import take_lock
from agent_runtime.embedded.supervisor import Supervisor

EXIT_FAILED, EXIT_LOCKED = 1, 3


def main() -> int:
    """Supervise until asked to stop; an error goes as one line to the descriptor that the caller gave."""
    parser = argparse.ArgumentParser(prog="python -m agent_runtime.embedded")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--programs", type=Programs.from_json, default=Programs())
    parser.add_argument("--report-descriptor", type=int, default=2)
    options = parser.parse_args()
    try:
        settings = load()
        return run(settings, settings.workers if options.workers is None else options.workers, options.programs)
    except AgentRuntimeError as error:
        _report(options.report_descriptor, str(error))
        return EXIT_FAILED
    except OSError as error:
        _report(options.report_descriptor, f"{error.filename or 'the system'}: {error.strerror or error}")
        return EXIT_FAILED


def run(settings: Settings, workers: int, programs: Programs) -> int:
    """Supervise the system of these settings, unless another process does."""
    fault_points.parse(settings.fault or "")
    layout = layout_of(settings)
    layout.prepare()
    lock = take_lock(layout)
    if lock is None:
        return EXIT_LOCKED
    log = EventLog(layout.log("supervisor"))
    with lock:
        try:
            Supervisor(settings, layout, workers, programs, log).supervise()
        except AgentRuntimeError as error:
            log.write(str(error), level="error")
            raise
    return 0


def _report(descriptor: int, message: str) -> None:
    os.write(descriptor, (" ".join(message.split()) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
