"""The outbox of webhooks as the workers see it: what is due, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_runtime.domain.webhook import FAILURES_BEFORE_BLOCK, block_after, wait_after
from agent_runtime.store.database import Database, Row, fetch_all, fetch_one

OF_ONE_RECEIVER = 4
LEASE_SECONDS = 60
LOG_DAYS = 7
_MOST_AT_ONCE = 1_000


@dataclass(frozen=True)
class Outcome:
    """How one attempt went; `error` is None when the receiver took it."""

    duration_ms: int
    status_code: int | None = None
    error: str | None = None


def receiver_of(delivery: Row) -> str:
    """What fails together."""
    return f"{delivery['tenant_id']} {delivery['webhook_id']} {delivery['endpoint']}"


async def claim(database: Database, limit: int, busy: Sequence[str]) -> list[Row]:
    """Deliveries whose time has come, none of `busy` receivers; their lease ends by itself when their worker dies."""
    parameters = {
        "limit": limit,
        "busy": list(busy),
        "of_one_receiver": OF_ONE_RECEIVER,
        "failures_before_block": FAILURES_BEFORE_BLOCK,
        "lease_seconds": LEASE_SECONDS,
    }
    return await database.fetch_all("webhook_delivery", "claim", parameters)


async def settle(database: Database, delivery: Row, outcome: Outcome) -> None:
    """Write down how an attempt went, and leave a receiver alone that keeps failing."""
    key = {name: delivery[name] for name in ("tenant_id", "delivery_id", "webhook_id", "endpoint")}
    values = {**key, "status_code": outcome.status_code, "duration_ms": outcome.duration_ms}
    async with database.connection() as connection:
        if outcome.error is None:
            await fetch_all(connection, "webhook_delivery", "delivered", values)
            if delivery["failures"]:
                await fetch_all(connection, "webhook_delivery", "close_circuit", key)
            return
        values |= {"error": outcome.error, "wait_seconds": wait_after(delivery["attempts"])}
        circuit = await fetch_one(connection, "webhook_delivery", "failed", values)
        seconds = block_after(circuit["failures"]) if circuit else 0
        if seconds:
            await fetch_all(connection, "webhook_delivery", "block", {**key, "seconds": seconds})


async def tidy_up(database: Database) -> None:
    """Give up what could not be delivered within its day, and forget the old log."""
    async with database.connection() as connection:
        await fetch_all(connection, "webhook_delivery", "give_up", {"limit": _MOST_AT_ONCE})
        await fetch_all(connection, "webhook_delivery", "forget_old", {"days": LOG_DAYS, "limit": _MOST_AT_ONCE})
