"""When a lease may be taken for lost, and when its holder must stop by itself."""

from dataclasses import dataclass

STOP_FRACTION = 2 / 3
LOOKS_UNTIL_DEAD = 2
QUIET_SECONDS_AFTER_DATABASE_START = 5.0


@dataclass(frozen=True)
class LeaseTiming:
    """All in seconds: how long a lease lasts, how often it is renewed, how often peers are probed."""

    lease: float = 30.0
    heartbeat: float = 1.0
    probe: float = 0.1

    @property
    def stop_own_work_after(self) -> float:
        """Seconds since the last renewal after which a worker stops its own work, by its monotonic clock."""
        return self.lease * STOP_FRACTION
