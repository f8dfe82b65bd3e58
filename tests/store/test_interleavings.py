"""Three workers, a reaper and two users do what they like to the same tasks at the same time: the invariants hold.

Each seed is one order of events; a failure names its seed. Several actors move in one burst, so that their statements
meet in the database and not only in the test's loop.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from agent_runtime.domain import human_request, people_moves
from agent_runtime.domain.errors import Conflict, LeaseLost
from agent_runtime.domain.human_request import Answer, Question, answer_move
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.store.claim import make_due
from agent_runtime.store.database import Connection
from agent_runtime.store.human_request import open_request
from agent_runtime.store.task_action import land
from agent_runtime.worker.maintenance.take_over import take_over
from agent_runtime.worker.maintenance.time_out import expire_requests, time_out
from tests.support.attempts import Desk, HandAttempt
from tests.support.invariants import Expectation, Felt, check_everything, check_invariants
from tests.support.tasks import TaskBook

WORKERS = ("worker-0", "worker-1", "worker-2")
USERS = ("ada", "grace")
TASKS = 4
BURSTS = 80
MOST_BURSTS = 800
FELT = ("claim", "takeover", "fenced write", "question", "answer", "conflict")
Act = Callable[[], Awaitable[None]]


class World:
    """Who acts, what each holds, and what was felt on the way."""

    def __init__(self, book: TaskBook, desk: Desk, seed: int) -> None:
        self.book, self.desk, self.felt = book, desk, Felt()
        self.choice = random.Random(seed)
        self.held: dict[str, list[HandAttempt]] = {worker: [] for worker in WORKERS}
        self.after: dict[str, HandAttempt] = {}
        self.tasks: list[str] = []
        for worker in WORKERS:
            self.register(worker)

    def register(self, worker: str) -> None:
        self.book.rows(
            "insert into par.worker_sessions (worker_id, worker_pool_id, status, host, pid, version, capacity,"
            " lock_key, lease_expires_at) values (%(id)s, 'shared', 'online', 'here', 1, '0', 10, hashtext(%(id)s),"
            " par.now() + interval '1 hour') on conflict (worker_id) do update set status = 'online'",
            id=worker,
        )

    # Workers

    async def claim(self, worker: str) -> None:
        for attempt in await self.desk.claim(worker, 2):
            for found in self.book.rows(
                "select checkpoint_id::text from par.checkpoints where task_id = %(id)s"
                " order by checkpoint_id desc limit 1",
                id=attempt.task.task_id,
            ):
                attempt.go_on(self.after[found["checkpoint_id"]])
            self.held[worker].append(attempt)
            self.felt.add("claim")

    async def step(self, attempt: HandAttempt, cost: int | None = None) -> None:
        # Remembered before it is durable: another worker may find it in the database before this one hears that it is.
        checkpoint_id = attempt.gather(cost=cost)
        self.after[checkpoint_id] = replace(attempt)
        await attempt.session.flush()

    async def write(self, worker: str, act: Callable[[HandAttempt], Awaitable[Any]], *, ends: bool) -> None:
        """One write of an attempt that the worker believes to hold; a lost one is felt and dropped."""
        if not self.held[worker]:
            return
        attempt = self.held[worker].pop(self.choice.randrange(len(self.held[worker])))
        try:
            await act(attempt)
        except LeaseLost:
            self.felt.add("fenced write")
            return
        if not ends:
            self.held[worker].append(attempt)

    async def end(self, attempt: HandAttempt, move: Move) -> None:
        await attempt.session.flush(move)

    def worker_acts(self, worker: str) -> list[Act]:
        if not self.held[worker]:
            return [lambda: self.claim(worker)]

        def move(change: Change, **fields: Any) -> Callable[[HandAttempt], Awaitable[None]]:
            return lambda one: self.end(one, Move(one.task.tenant_id, one.task.task_id, change, **fields))

        failure = Failure("provider_error", "it broke", "v1:broke")
        return [
            lambda: self.claim(worker),
            lambda: self.write(worker, lambda one: self.step(one, 7), ends=False),
            lambda: self.write(worker, self.step, ends=False),
            lambda: self.write(worker, lambda one: one.complete(), ends=True),
            lambda: self.write(worker, move(Change.HAND_OVER), ends=True),
            lambda: self.write(worker, move(Change.RETRY_LATER, failure=failure, delay_seconds=0.01), ends=True),
            lambda: self.write(worker, move(Change.PAUSE, pause_reason="budget_per_task", pause_details={}), ends=True),
            lambda: self.write(worker, move(Change.FAIL, failure=failure, dead_letter_reason="tool_error"), ends=True),
            lambda: self.write(worker, self.asking("approval"), ends=True),
            lambda: self.write(worker, self.asking("input"), ends=True),
        ]

    def asking(self, kind: str) -> Callable[[HandAttempt], Awaitable[None]]:
        async def ask(attempt: HandAttempt) -> None:
            question = Question(kind, "May I?", "calculator", f"call-{attempt.number}", 0, {}, "policy_ask")
            change = Change.ASK_INPUT if kind == "input" else Change.ASK_APPROVAL
            task = attempt.task
            await self.end(attempt, Move(task.tenant_id, task.task_id, change, request=question.request(3600)))
            self.felt.add("question")

        return ask

    # The reaper

    def reaper_acts(self) -> list[Act]:
        async def dies() -> None:
            worker = self.choice.choice(WORKERS)
            if await take_over(self.desk.database, own=[worker]):
                self.felt.add("takeover")
            self.register(worker)

        async def too_long() -> None:
            self.book.rows(
                "update par.tasks set deadline_at = par.now() - interval '1 second' where task_id = %(id)s"
                " and status in ('queued', 'running')",
                id=self.choice.choice(self.tasks),
            )
            await time_out(self.desk.database)

        async def unanswered() -> None:
            self.book.rows(
                "update par.human_requests set expires_at = par.now() - interval '1 second'"
                " where state = 'open' and task_id = %(id)s",
                id=self.choice.choice(self.tasks),
            )
            if await expire_requests(self.desk.database):
                self.felt.add("expiry")

        async def due() -> None:
            await make_due(self.desk.database)

        return [dies, dies, too_long, unanswered, due, due]

    # Users

    def user_acts(self, user: str) -> list[Act]:
        task_id = self.choice.choice(self.tasks)

        def moves(move: Move) -> Act:
            return lambda: self.person(lambda connection: land(connection, move))

        def answers(answer: Answer) -> Act:
            async def act(connection: Connection) -> None:
                found = await open_request(connection, "default", task_id, answer.change, None)
                await land(connection, answer_move("default", task_id, str(found["request_id"]), answer, user))
                self.felt.add("answer")

            return lambda: self.person(act)

        fitting = {
            "paused": [moves(people_moves.resume("default", task_id))],
            "dead_letter": [moves(people_moves.redrive("default", task_id))],
            "completed": [moves(people_moves.follow_up("default", task_id, "more"))],
            "waiting_for_input": [answers(human_request.respond("yes"))],
            "waiting_for_approval": [
                answers(human_request.approve(None, None, skip=False)),
                answers(human_request.reject("no")),
            ],
            "running": [moves(people_moves.cancel("default", task_id))],
        }
        # Mostly what the task's state asks for, sometimes anything.
        now = fitting.get(self.book.task(task_id)["status"], [])
        return now if now and self.choice.random() < 0.8 else [act for acts in fitting.values() for act in acts]

    async def person(self, act: Callable[[Connection], Awaitable[Any]]) -> None:
        try:
            async with self.desk.database.transaction("default") as connection:
                await act(connection)
        except Conflict:
            self.felt.add("conflict")

    def keep_going(self) -> None:
        """A new task for each cancelled one, else the last bursts would act on nothing that moves."""
        live = sum(self.book.task(task_id)["status"] != "cancelled" for task_id in self.tasks)
        self.tasks += [self.book.submit(f"task {len(self.tasks) + n}", max_retries=10) for n in range(TASKS - live)]

    async def burst(self) -> None:
        """Up to five actors at the same instant."""
        self.keep_going()
        actors = [self.worker_acts(worker) for worker in WORKERS]
        actors += [self.reaper_acts(), *(self.user_acts(user) for user in USERS)]
        chosen = self.choice.sample(actors, self.choice.randint(2, 5))
        await asyncio.gather(*(self.choice.choice(acts)() for acts in chosen))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_the_order_the_invariants_hold(book: TaskBook, ours: Desk, seed: int) -> None:
    world = World(book, ours, seed)
    for burst in range(MOST_BURSTS):
        if burst >= BURSTS and all(world.felt.seen[what] for what in FELT):
            break
        await world.burst()
        if burst % 10 == 9:
            check_invariants(book.url, Expectation(world.tasks, settled=False))
    await check_everything(book.url, Expectation(world.tasks, settled=False))
    world.felt.require(*FELT)
