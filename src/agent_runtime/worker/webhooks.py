"""Delivers the outbox of webhooks beside the tasks, and never in their way.

Few requests at once, few of them to one receiver; a receiver that keeps failing is left alone for a while. Whatever
goes wrong is written into the delivery log and tried again for a day.
"""

import asyncio
import time
from collections import Counter
from contextlib import suppress

import orjson
import structlog

from agent_runtime.domain.errors import AgentRuntimeError, DatabaseUnavailable, OutboundFailed, SecretUnreadable
from agent_runtime.domain.webhook import headers
from agent_runtime.safe_http import FetchLimits, SafeClient
from agent_runtime.store.database import Database, Row
from agent_runtime.store.secret import Secrets
from agent_runtime.store.webhook import PREVIOUS_SECRET, SECRET, owner_of
from agent_runtime.store.webhook_delivery import OF_ONE_RECEIVER, Outcome, claim, receiver_of, settle

AT_ONCE = 64
LOOK_SECONDS = 0.5
LIMITS = FetchLimits(seconds=10.0, body_bytes=10_000, redirects=0)
_SUCCESS = range(200, 300)
_log = structlog.get_logger("worker.webhooks")


class WebhookDeliverer:
    """Sends what is due until it is cancelled."""

    def __init__(self, database: Database, secrets: Secrets, client: SafeClient) -> None:
        self._database = database
        self._secrets = secrets
        self._client = client
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Look for due deliveries for ever."""
        try:
            while True:
                self._ended.clear()
                if not await self._start_due():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await self._ended.wait()
        finally:
            for task in list(self._under_way):
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _start_due(self) -> bool:
        """Start what is due and there is room for; whether there may be more at once."""
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return False
        try:
            due = await claim(self._database, room, self._busy())
        except DatabaseUnavailable as error:
            _log.info("webhooks_wait_for_database", error=str(error))
            return False
        except Exception:  # noqa: BLE001 - deliveries that fail once must not end them; they are looked for again
            _log.exception("webhooks_not_claimed")
            return False
        for delivery in due:
            task = asyncio.create_task(self._deliver(delivery))
            self._under_way[task] = receiver_of(delivery)
            task.add_done_callback(self._one_ended)
        return bool(due)

    def _one_ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._ended.set()

    def _busy(self) -> list[str]:
        """Receivers that have enough to do: one that hangs must not take the places of the others."""
        counted = Counter(self._under_way.values())
        return [receiver for receiver, count in counted.items() if count >= OF_ONE_RECEIVER]

    async def _deliver(self, delivery: Row) -> None:
        try:
            outcome = await self._attempt(delivery)
            await settle(self._database, delivery, outcome)
        except DatabaseUnavailable:
            return  # its lease ends and it is sent again
        except Exception:  # noqa: BLE001 - one delivery's fault is not the others'; its lease ends and it is sent again
            _log.exception("webhook_delivery_not_settled", delivery_id=str(delivery["delivery_id"]))
            return
        if outcome.error is not None:
            _log.info(
                "webhook_delivery_failed",
                delivery_id=str(delivery["delivery_id"]),
                webhook_id=str(delivery["webhook_id"]),
                attempts=delivery["attempts"],
                error=outcome.error,
            )

    async def _attempt(self, delivery: Row) -> Outcome:
        started = time.monotonic()
        status, error = None, None
        try:
            status = await self._send(delivery)
            if status not in _SUCCESS:
                error = f"the receiver answered {status}"
        except (OutboundFailed, SecretUnreadable) as failure:
            error = str(failure)
        except AgentRuntimeError as failure:
            if isinstance(failure, DatabaseUnavailable):
                raise
            error = str(failure)
        return Outcome(int((time.monotonic() - started) * 1000), status, error)

    async def _send(self, delivery: Row) -> int:
        delivery_id, body = str(delivery["delivery_id"]), body_of(delivery)
        opened = await self._secrets.open_all(
            self._database, owner_of(delivery["tenant_id"], str(delivery["webhook_id"]))
        )
        names = (SECRET, PREVIOUS_SECRET) if delivery["two_secrets"] else (SECRET,)
        signing = [opened[name] for name in names if name in opened]
        if not signing:
            raise SecretUnreadable("the webhook has no signing secret: it was deleted meanwhile")
        signed = headers(signing, delivery_id, int(time.time()), body)
        answer = await self._client.fetch("POST", delivery["target"], headers=signed, content=body, limits=LIMITS)
        return answer.status


def body_of(delivery: Row) -> bytes:
    """What is sent: which task, and what became of it. Inputs and outputs are for who may read the task."""
    return orjson.dumps(
        {
            "event_type": delivery["event_type"],
            "task_id": str(delivery["task_id"]),
            "agent_id": delivery["agent_id"],
            "tenant_id": delivery["tenant_id"],
            "status": delivery["task_status"],
            "sequence": delivery["sequence"],
            "created_at": delivery["occurred_at"],
        }
    )
