"""Makes the tools that a graph runs from the catalog's entries."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from agent_runtime.domain.errors import TaskFailed
from agent_runtime.domain.tool_policy import ASKS_PERSON
from agent_runtime.tools.calculator import calculate
from agent_runtime.tools.catalog import TOOLS
from agent_runtime.tools.dev_sleep import dev_sleep
from agent_runtime.tools.read_url import read_url
from agent_runtime.tools.recalled_result import recall_tool_result
from agent_runtime.tools.sandbox_commands import sandbox_exec, sandbox_process_kill, sandbox_process_read
from agent_runtime.tools.sandbox_files import (
    export_sandbox_file,
    sandbox_edit,
    sandbox_read_file,
    sandbox_write_file,
)
from agent_runtime.tools.sandbox_search import sandbox_glob, sandbox_grep
from agent_runtime.tools.text_artifact import create_text_artifact
from agent_runtime.tools.web_search import web_search


async def _calculator(expression: str) -> str:
    return calculate(expression)


async def _request_human_input(prompt: str) -> str:
    """Never runs: the gate before every call turns it into a question. Should it be reached, the model learns of it."""
    raise RuntimeError(f"nobody could be asked: {prompt[:200]}")


_RUN: dict[str, Callable[..., Awaitable[Any]]] = {
    "calculator": _calculator,
    "dev_sleep": dev_sleep,
    "web_search": web_search,
    "read_url": read_url,
    "create_text_artifact": create_text_artifact,
    "recall_tool_result": recall_tool_result,
    ASKS_PERSON: _request_human_input,
    "sandbox_exec": sandbox_exec,
    "sandbox_process_read": sandbox_process_read,
    "sandbox_process_kill": sandbox_process_kill,
    "sandbox_read_file": sandbox_read_file,
    "sandbox_write_file": sandbox_write_file,
    "sandbox_edit": sandbox_edit,
    "sandbox_grep": sandbox_grep,
    "sandbox_glob": sandbox_glob,
    "export_sandbox_file": export_sandbox_file,
}


def build_tools(names: Iterable[str], *, dev_controls: bool) -> list[BaseTool]:
    """The named tools, ready for a graph. Raises TaskFailed `invalid_config` for one that does not exist here."""
    return [_build(name, dev_controls) for name in names]


def _build(name: str, dev_controls: bool) -> BaseTool:
    entry = TOOLS.get(name)
    if entry is None:
        raise TaskFailed("invalid_config", f"the agent allows the tool {name!r}, which this version does not have")
    if entry.developer_only and not dev_controls:
        raise TaskFailed("invalid_config", f"the tool {name!r} needs the developer controls: set PAR_DEV_CONTROLS=on")
    return StructuredTool(
        name=entry.name, description=entry.description, args_schema=entry.arguments, coroutine=_RUN[name]
    )
