"""E2B's sandboxes against a server that speaks its protocol and holds to its timeouts."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.config import load
from agent_runtime.domain.errors import SandboxFailed, SandboxGone, SandboxUnavailable
from agent_runtime.domain.sandbox import field_problems
from agent_runtime.models.providers import Providers
from agent_runtime.sandboxes.e2b import E2bSandbox, E2bSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec
from agent_runtime.worker.process import WorkerProcess
from tests.gates.conftest import call
from tests.support.e2b_server import E2bServer, running
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually

SPEC = SandboxSpec(template="python", timeout_seconds=60)


@dataclass
class Cloud:
    """The server and what leads there."""

    server: E2bServer
    environment: dict[str, str]

    @property
    def provider(self) -> E2bSandboxes:
        return E2bSandboxes(self.environment)

    async def create(self, spec: SandboxSpec = SPEC) -> E2bSandbox:
        return await self.provider.create(uuid.uuid4().hex, spec, 1)


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    server = E2bServer(tmp_path)
    async with running(server) as environment:
        yield Cloud(server, environment)


async def test_the_template_the_lifetime_and_the_size_are_those_of_e2b(cloud: Cloud) -> None:
    sandbox = await cloud.create()

    machine = cloud.server.machines[sandbox.sandbox_id]
    assert machine.template == "python"
    assert 55 < machine.until.timestamp() - time.time() <= 60
    assert (sandbox.vcpu, sandbox.memory_mb) == (4, 2048)
    assert cloud.server.api_keys == {cloud.environment["E2B_API_KEY"]}


async def test_a_creation_whose_answer_was_lost_gives_the_same_sandbox_again(cloud: Cloud) -> None:
    name = uuid.uuid4().hex
    first = await cloud.provider.create(name, SPEC, 1)
    again = await cloud.provider.create(name, SPEC, 1)

    assert first.sandbox_id == again.sandbox_id
    assert len(cloud.server.machines) == 1


async def test_a_server_without_room_is_named_as_the_reason(cloud: Cloud) -> None:
    cloud.server.refusals = 100

    with pytest.raises(SandboxUnavailable, match="no room"):
        await cloud.create()


async def test_a_command_beyond_its_time_is_killed_there(cloud: Cloud) -> None:
    sandbox = await cloud.create()
    began = time.monotonic()

    result = await sandbox.exec("echo begun; sleep 600", 1)

    assert result.timed_out
    assert result.stdout.text == "begun\n"
    assert time.monotonic() - began < 10


async def test_a_huge_output_is_cut_while_it_comes(cloud: Cloud) -> None:
    sandbox = await cloud.create()

    result = await sandbox.exec("echo first; head -c 20M /dev/zero | tr '\\0' x; echo; echo last", 18, 8_000)

    assert result.stdout.text.startswith("first\n")
    assert result.stdout.text.endswith("\nlast\n")
    assert len(result.stdout.text) < 8_200


async def test_a_process_in_the_background_outlives_the_connection_and_can_be_killed(cloud: Cloud) -> None:
    sandbox = await cloud.create()
    await sandbox.start("server", "echo up; sleep 600")
    again = await cloud.provider.connect(sandbox.sandbox_id, SPEC, 2)

    async def up() -> bool:
        return (await again.process("server")).stdout.text == "up\n"

    await eventually(up, "the process says that it is up")
    assert (await again.process("server")).running
    assert await again.kill("server")
    assert not (await again.process("server")).running
    assert not await again.kill("server")
    with pytest.raises(SandboxFailed, match="no process"):
        await again.process("other")


async def test_a_sandbox_whose_lifetime_has_passed_is_gone(cloud: Cloud) -> None:
    sandbox = await cloud.create()
    await sandbox.keep_alive()
    cloud.server.machines[sandbox.sandbox_id].until = cloud.server.machines[sandbox.sandbox_id].until.replace(year=2000)

    with pytest.raises(SandboxGone):
        await sandbox.exec("true", 5)
    with pytest.raises(SandboxGone):
        await cloud.provider.connect(sandbox.sandbox_id, SPEC, 1)


def test_what_e2b_fixes_in_the_template_is_refused() -> None:
    asked = {"enabled": True, "provider": "e2b", "vcpu": 4, "memory_mb": 512}

    assert [field for field, _ in field_problems(asked, has_e2b_key=True)] == ["vcpu", "memory_mb"]
    assert [field for field, _ in field_problems({"enabled": True, "vcpu": 4}, has_e2b_key=True)] == ["vcpu"]
    assert list(field_problems({"enabled": True, "vcpu": 4}, has_e2b_key=False)) == []


async def test_a_task_runs_in_e2b_and_pays_for_its_seconds(cloud: Cloud, database_url: str, tmp_path: Path) -> None:
    book = TaskBook(database_url)
    config: dict[str, Any] = {"allowed_tools": ["sandbox_exec", "dev_sleep"], "sandbox": {"enabled": True}}
    book.add_agent(config=config)
    run = [call("sandbox_exec", f"call-{n}", command="sleep 0.3; echo $((6 * 7)) >> sums; cat sums") for n in range(2)]
    task_id = book.submit(script(*run, {"text": "done"}))
    settings = load({"PAR_DEV_CONTROLS": "on", "PAR_ENV_FILE": "", "PAR_DATA_DIR": str(tmp_path), **cloud.environment})
    worker = WorkerProcess(settings, database_url, "worker-1", Providers({}))
    working = asyncio.create_task(worker.run())
    try:

        async def done() -> bool:
            return bool(book.task(task_id)["status"] == "completed")

        await eventually(done, "the task completes", seconds=15)
        await eventually(_none_left(cloud), "the machine is ended")
    finally:
        worker.stop()
        await working
    rows = book.rows("select * from par.ledger where task_id = %(task_id)s and kind = 'sandbox'", task_id=task_id)
    assert {row["provider"] for row in rows} == {"e2b"}
    paid, seconds = sum(row["cost_microdollars"] for row in rows), sum(row["duration_ms"] for row in rows) / 1000
    assert seconds >= 0.6
    assert paid == pytest.approx(seconds * (4 * 14 + 2 * 4.5), abs=len(rows) * 2)
    assert book.task(task_id)["cost_microdollars"] == paid


def _none_left(cloud: Cloud) -> Any:
    async def none_left() -> bool:
        return not cloud.server.machines

    return none_left
