"""LangGraph's published conformance suite, in full, on our saver with the open fence."""

from collections.abc import AsyncIterator

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from agent_runtime.checkpointer.fence import OpenFence
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.checkpointer.saver import PostgresSaver
from agent_runtime.store.database import Database


@pytest.mark.timeout(120)
async def test_all_capabilities_are_detected_and_every_check_passes(database_url: str) -> None:
    @checkpointer_test(name="PostgresSaver")
    async def saver() -> AsyncIterator[PostgresSaver]:
        async with Database(database_url, "par_worker") as database, GroupCommit(database_url, "conformance") as commit:
            yield PostgresSaver(database, commit, OpenFence())

    report = await validate(saver)
    report.print_report()
    failed = {name: result.failures for name, result in report.results.items() if not result.passed}
    assert not failed
    assert all(result.detected for result in report.results.values())
    assert report.passed_all_base()
