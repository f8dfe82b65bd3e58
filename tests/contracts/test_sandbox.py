"""What every sandbox does, whoever provides it."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_runtime.domain.errors import SandboxFailed, SandboxGone
from agent_runtime.sandboxes.e2b import E2bSandboxes
from agent_runtime.sandboxes.fake import FakeSandboxes
from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import Sandbox, SandboxProvider, SandboxSpec
from tests.support.e2b_server import E2bServer, running
from tests.support.waiting import eventually

SPEC = SandboxSpec(timeout_seconds=60, disk_mb=64, processes=40)


@dataclass
class Offer:
    """A provider and a sandbox of it."""

    provider: SandboxProvider
    sandbox: Sandbox


@pytest.fixture(params=["fake", "local", "local without control groups", "e2b"])
async def offer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Offer]:
    async with provider_of(request.param, tmp_path) as provider:
        sandbox = await provider.create(uuid.uuid4().hex, SPEC, 1)
        try:
            yield Offer(provider, sandbox)
        finally:
            with contextlib.suppress(SandboxGone):
                await (await provider.connect(sandbox.sandbox_id, SPEC, 99)).destroy()


@asynccontextmanager
async def provider_of(name: str, root: Path) -> AsyncIterator[SandboxProvider]:
    if name == "e2b":
        async with running(E2bServer(root)) as environment:
            yield E2bSandboxes(environment)
    elif name == "fake":
        yield FakeSandboxes(root)
    else:
        yield LocalSandboxes(root, control_groups=name == "local")


@pytest.fixture
def sandbox(offer: Offer) -> Sandbox:
    return offer.sandbox


async def test_a_command_gives_its_output_its_errors_and_its_exit_code(sandbox: Sandbox) -> None:
    result = await sandbox.exec("echo out; echo err >&2; exit 3", 10)

    assert (result.exit_code, result.stdout.text, result.stderr.text) == (3, "out\n", "err\n")


async def test_what_is_written_is_read_whole_in_parts_and_by_commands(sandbox: Sandbox) -> None:
    content = bytes(range(256)) * 1000
    await sandbox.write("deep/er/file.bin", content)

    assert (await sandbox.read("deep/er/file.bin")).data == content
    part = await sandbox.read("deep/er/file.bin", 255, 3)
    assert (part.data, part.file_size) == (content[255:258], len(content))
    assert b"".join([piece async for piece in sandbox.stream("deep/er/file.bin")]) == content
    assert (await sandbox.exec("wc -c < deep/er/file.bin", 10)).stdout.text.strip() == str(len(content))


async def test_a_file_can_be_written_piece_by_piece(sandbox: Sandbox) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    await sandbox.write("large", pieces(), 3_000_000)

    assert (await sandbox.read("large", 0, 1)).file_size == 3_000_000


async def test_a_missing_file_and_a_folder_are_told_apart(sandbox: Sandbox) -> None:
    await sandbox.exec("mkdir folder", 10)

    with pytest.raises(SandboxFailed) as missing:
        await sandbox.read("nothing")
    with pytest.raises(SandboxFailed) as folder:
        await sandbox.read("folder")
    assert (missing.value.kind, folder.value.kind) == ("not_found", "is_directory")


async def test_a_command_in_the_background_can_be_read_again_and_again(sandbox: Sandbox) -> None:
    await sandbox.start("job", "echo begun; echo >> started; sleep 0.2; exit 7")
    await sandbox.start("job", "echo begun; echo >> started; sleep 0.2; exit 7")

    async def ended() -> bool:
        return not (await sandbox.process("job")).running

    await eventually(ended, "the command ends")
    first, second = await sandbox.process("job"), await sandbox.process("job")
    assert first == second
    assert (first.exit_code, first.stdout.text) == (7, "begun\n")
    assert (await sandbox.exec("wc -l < started", 10)).stdout.text.strip() == "1"


async def test_a_paused_sandbox_goes_on_where_it_was_when_connected_again(offer: Offer) -> None:
    await offer.sandbox.write("kept", b"content")
    await offer.sandbox.pause()

    again = await offer.provider.connect(offer.sandbox.sandbox_id, SPEC, 2)

    assert (await again.read("kept")).data == b"content"
    assert await again.is_alive()


async def test_a_destroyed_sandbox_is_gone_and_may_be_destroyed_again(offer: Offer) -> None:
    await offer.sandbox.keep_alive()
    await offer.sandbox.destroy()
    await offer.sandbox.destroy()

    assert not await offer.sandbox.is_alive()
    with pytest.raises(SandboxGone):
        await offer.sandbox.exec("true", 5)
    with pytest.raises(SandboxGone):
        await offer.provider.connect(offer.sandbox.sandbox_id, SPEC, 2)
