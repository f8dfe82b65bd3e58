"""One worker process: its parts, what they tell each other, and its clean end."""

import asyncio
import contextlib
import hashlib
import os
import socket
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog

from agent_runtime import __version__, fault_points
from agent_runtime.agent.graph import AgentBuilder, ModelLimits
from agent_runtime.artifacts.obstore_adapter import ObstoreObjects
from agent_runtime.artifacts.sweep import sweep
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.config import Settings
from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.domain.lease import LeaseTiming
from agent_runtime.domain.retry import Backoff
from agent_runtime.models.providers import Providers
from agent_runtime.safe_http import SafeClient, targets_from
from agent_runtime.sandboxes.providers import SandboxOptions
from agent_runtime.store import lease as lease_store
from agent_runtime.store import live_text as live_text_store
from agent_runtime.store import rollup as rollup_store
from agent_runtime.store.claim import DUE_AT_ONCE, make_due
from agent_runtime.store.database import Database, PoolOptions
from agent_runtime.store.notification import STOP, WORK, listen
from agent_runtime.store.pulse import SessionFacts
from agent_runtime.store.secret import Secrets
from agent_runtime.store.webhook_delivery import tidy_up
from agent_runtime.tool_servers.programs import read_programs
from agent_runtime.tools.web_search import open_web_search
from agent_runtime.worker.attempt_services import AttemptServices
from agent_runtime.worker.claim_loop import ClaimLoop
from agent_runtime.worker.claimed_task import ClaimedTask
from agent_runtime.worker.heartbeat import Heartbeat, Listeners
from agent_runtime.worker.live_text import LiveText
from agent_runtime.worker.maintenance.hand_back import hand_back
from agent_runtime.worker.maintenance.provider_keys import ProviderKeys
from agent_runtime.worker.maintenance.resume import resume_cleared
from agent_runtime.worker.maintenance.retain import retain
from agent_runtime.worker.maintenance.schedule import Duty, run_duties
from agent_runtime.worker.maintenance.take_over import take_over
from agent_runtime.worker.maintenance.time_out import expire_requests, time_out
from agent_runtime.worker.price_list import PriceList
from agent_runtime.worker.run_attempt import Attempt, run_attempt
from agent_runtime.worker.sandboxes import SandboxPrices, WorkerSandboxes
from agent_runtime.worker.webhooks import WebhookDeliverer

_log = structlog.get_logger("worker")
_DUE_SECONDS = 0.2
_STRAY_SECONDS = 5.0
_STOPPED_LOOK_SECONDS = 1.0
_EXIT_MARGIN_SECONDS = 2.0
_WEBHOOK_LOG_SECONDS = 30.0
_KEY_LOOK_SECONDS = 5.0
_ROLL_UP_SECONDS = 60.0
_RECOUNT_LOOK_SECONDS = 300.0


class WorkerProcess:
    """Runs until `stop()`; then hands over what it holds and returns from `run()`."""

    def __init__(self, settings: Settings, url: str, worker_id: str, providers: Providers) -> None:
        self.worker_id = worker_id
        self._settings = settings
        self._url = url
        self._attempts: dict[tuple[str, int], Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._database = Database(
            url,
            "par_worker",
            PoolOptions(settings.database_pool_size, wait_seconds=10.0, application_name=f"par-worker {worker_id}"),
        )
        # A connection of its own, since the plan of the claim is dear and every connection makes its own.
        self._claiming = Database(
            url, "par_worker", PoolOptions(1, wait_seconds=10.0, application_name=f"par-claim {worker_id}")
        )
        self._commit = GroupCommit(url, worker_id)
        limits = ModelLimits(
            settings.model_timeout_seconds, settings.model_first_byte_seconds, settings.model_stall_seconds
        )
        self._live_text = LiveText(self._database)
        secrets = Secrets.from_setting(settings.master_key)
        agents = AgentBuilder(providers, limits, dev_controls=settings.dev_controls)
        self._provider_keys = ProviderKeys(self._database, secrets, providers, agents)
        self._outbound = SafeClient(targets_from(settings, loopback=True))
        self._webhooks = WebhookDeliverer(self._database, secrets, self._outbound)
        self._services = AttemptServices(
            database=self._database,
            commit=self._commit,
            agents=agents,
            prices=PriceList(self._database),
            live_text=self._live_text,
            backoff=Backoff(settings.retry_base_seconds, settings.retry_cap_seconds),
            worker_id=worker_id,
            objects=ObstoreObjects(settings),
            secrets=secrets,
            programs=read_programs(settings.tool_server_programs),
            targets=targets_from(settings, loopback=True),
            pages=SafeClient(targets_from(settings, loopback=False)),
            search=open_web_search(settings.web_search, settings.tool_environment),
            tool_seconds=settings.tool_timeout_seconds,
            sandboxes=WorkerSandboxes(self._database, SandboxOptions.of(settings), SandboxPrices.of_settings(settings)),
        )
        self._claims = ClaimLoop(
            self._claiming,
            worker_id,
            settings.worker_pool,
            free=self._free,
            start=self._start,
            poll_seconds=settings.poll_seconds,
        )
        self._heartbeat: Heartbeat | None = None
        self._recovering = False

    def stop(self) -> None:
        """Ask for the clean end: no more claims, drain, hand over, leave."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._database)
            await stack.enter_async_context(self._claiming)
            await stack.enter_async_context(self._commit)
            await stack.enter_async_context(self._outbound)
            with contextlib.suppress(DatabaseUnavailable):
                await self._provider_keys.look()
            await stack.enter_async_context(self._services.pages)
            stack.push_async_callback(self._services.sandboxes.close)
            self._heartbeat = self._new_heartbeat()
            await self._heartbeat.start()
            _log.info("worker_online", worker_id=self.worker_id, pool=self._settings.worker_pool)
            loops = [asyncio.create_task(coroutine) for coroutine in self._loops()]
            try:
                await self._stopping.wait()
                await self._drain(loops[0])
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
            with contextlib.suppress(DatabaseUnavailable):
                await lease_store.leave(self._database, self.worker_id)
            await self._heartbeat.stop()
            _log.info("worker_offline", worker_id=self.worker_id)

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        hear = {WORK: self._hear_work, STOP: self._hear_stop}
        return [
            self._claims.run(),
            run_duties(self._duties()),
            self._live_text.run(),
            self._webhooks.run(),
            listen(self._url, "par_worker", f"par-listen {self.worker_id}", hear),
        ]

    def _duties(self) -> list[Duty]:
        lease = self._settings.lease_seconds
        return [
            Duty("delayed work", _DUE_SECONDS, self._let_delayed_work_wait),
            Duty("stopped attempts", _STOPPED_LOOK_SECONDS, self._drop_ended_attempts),
            Duty("expired leases", min(1.0, lease / 10), self._take_over_from),
            Duty("stray attempts", 2.0, partial(self._hand_back, _STRAY_SECONDS)),
            Duty("sandboxes of ended tasks", 2.0, self._services.sandboxes.sweep),
            Duty("remains of sandboxes", 60.0, self._services.sandboxes.sweep_remains),
            Duty("timeouts", 1.0, partial(time_out, self._database)),
            Duty("expired requests", 1.0, partial(expire_requests, self._database)),
            Duty("cleared budgets", 2.0, self._resume_cleared),
            Duty("provider keys", _KEY_LOOK_SECONDS, self._provider_keys.look),
            Duty("old sessions", 600.0, partial(lease_store.forget_sessions, self._database)),
            Duty("rollups", _ROLL_UP_SECONDS, partial(rollup_store.roll_up, self._database)),
            Duty("recount", _RECOUNT_LOOK_SECONDS, partial(rollup_store.recount, self._database)),
            Duty("retention", 30.0, partial(retain, self._database, self._settings.retention_days)),
            Duty("loose files", 60.0, partial(sweep, self._database, self._services.objects)),
            Duty("webhook log", _WEBHOOK_LOG_SECONDS, partial(tidy_up, self._database)),
            Duty("old live text", 60.0, partial(live_text_store.forget_old, self._database)),
        ]

    def _new_heartbeat(self) -> Heartbeat:
        settings = self._settings
        facts = SessionFacts(
            worker_id=self.worker_id,
            worker_pool_id=settings.worker_pool,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=__version__,
            capacity=settings.max_concurrent_tasks,
            lock_key=int.from_bytes(hashlib.sha256(self.worker_id.encode()).digest()[:8], "big", signed=True),
            lease_seconds=settings.lease_seconds,
        )
        listeners = Listeners(
            on_dead_peers=lambda dead: self._errand(self._take_over_from(dead)),
            on_session_lost=lambda: self._errand(self._recover_session()),
            on_cannot_renew=self._stop_own_work,
            on_renewed=self._session_renewed,
            on_drain_requested=self.stop,
            running_tasks=lambda: len(self._attempts),
        )
        timing = LeaseTiming(settings.lease_seconds, settings.heartbeat_seconds, settings.probe_seconds)
        return Heartbeat(self._url, facts, timing, listeners, watchdog_seconds=settings.watchdog_seconds)

    # Attempts

    def _free(self) -> int:
        return self._settings.max_concurrent_tasks - len(self._attempts)

    def _start(self, claimed: ClaimedTask) -> None:
        attempt = Attempt(claimed)
        key = (claimed.task_id, claimed.attempt)
        self._attempts[key] = attempt
        self._commit.active = len(self._attempts)
        running = asyncio.create_task(run_attempt(attempt, self._services), name=f"attempt {claimed.task_id}")
        self._tasks.add(running)
        running.add_done_callback(partial(self._ended, key))

    def _ended(self, key: tuple[str, int], running: asyncio.Task[None]) -> None:
        self._tasks.discard(running)
        self._attempts.pop(key, None)
        self._commit.active = len(self._attempts)
        if not running.cancelled() and running.exception() is not None:
            _log.error("attempt_not_settled", task_id=key[0], attempt=key[1], error=repr(running.exception()))
        self._claims.room_again()

    # What others say

    def _hear_work(self, pool: str) -> None:
        if pool == self._settings.worker_pool:
            self._claims.wake()

    def _hear_stop(self, worker_id: str) -> None:
        if worker_id == self.worker_id:
            self._errand(self._drop_ended_attempts())

    async def _drop_ended_attempts(self) -> None:
        running = [(one.task.tenant_id, one.task.task_id, one.task.attempt) for one in self._attempts.values()]
        if not running:
            return
        for row in await lease_store.ended_attempts(self._database, running):
            attempt = self._attempts.get((str(row["task_id"]), row["attempt"]))
            if attempt is not None:
                attempt.drop(row["outcome"])

    async def _let_delayed_work_wait(self) -> None:
        # All at once, however many: who is due after a crowd of the same instant must not wait for its turn here.
        while due := await make_due(self._database):
            self._claims.look_everywhere()
            if len(due) < DUE_AT_ONCE:
                break

    async def _resume_cleared(self) -> None:
        if await resume_cleared(self._database):
            self._claims.look_everywhere()

    async def _take_over_from(self, suspects: list[str] | None = None) -> None:
        if await take_over(self._database, suspects or []):
            self._claims.look_everywhere()

    # The session

    def _stop_own_work(self) -> None:
        _log.warning("lease_cannot_be_renewed", action="own work stops", running=len(self._attempts))
        self._claims.paused = True
        for attempt in list(self._attempts.values()):
            attempt.hand_over_now()

    async def _recover_session(self) -> None:
        """The session was declared lost, for example while the process was frozen: drop all and begin anew."""
        if self._recovering:
            return
        self._recovering = True
        self._claims.paused = True
        _log.warning("session_lost", dropped=len(self._attempts))
        for attempt in list(self._attempts.values()):
            attempt.drop("lease expired")
        try:
            await self._hand_back(0.0)
        except DatabaseUnavailable:
            # The next beat finds the session still lost and begins again.
            self._recovering = False
            raise
        if self._heartbeat is not None:
            self._heartbeat.register_again()

    async def _hand_back(self, older_than_seconds: float) -> None:
        running = {key for key, attempt in self._attempts.items() if attempt.dropped is None}
        if await hand_back(self._database, self.worker_id, running, older_than_seconds=older_than_seconds):
            self._claims.look_everywhere()

    def _session_renewed(self) -> None:
        self._recovering = False
        self._claims.paused = self._stopping.is_set()
        self._claims.look_everywhere()

    async def _drain(self, claims: "asyncio.Task[None]") -> None:
        """Hand over: at a step's border within the grace time, after it in the middle of a step."""
        await self._claims.stop(_EXIT_MARGIN_SECONDS)
        claims.cancel()
        if self._heartbeat is not None:
            self._heartbeat.status = "draining"
        _log.info("worker_draining", running=len(self._attempts))
        fault_points.reach("drain.before_handover")
        for attempt in list(self._attempts.values()):
            attempt.drain()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=self._settings.drain_seconds)
        for attempt in list(self._attempts.values()):
            attempt.hand_over_now()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_EXIT_MARGIN_SECONDS)

    def _errand(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errand_done)

    def _errand_done(self, task: "asyncio.Task[None]") -> None:
        self._errands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("errand_failed", error=repr(error))
