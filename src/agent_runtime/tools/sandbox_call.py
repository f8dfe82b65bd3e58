"""How a tool reaches the sandbox of the task that it runs for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent_runtime.domain.errors import SandboxFailed, ToolFailed
from agent_runtime.sandboxes.sandbox import Sandbox
from agent_runtime.sandboxes.task_sandbox import TaskSandbox
from agent_runtime.tools.call_environment import current

T = TypeVar("T")


def task_sandbox() -> TaskSandbox:
    """The sandbox of the task. Raises ToolFailed when its agent has none."""
    sandbox = current().services.sandbox
    if sandbox is None:
        raise ToolFailed("this agent has no sandbox")
    return sandbox


async def in_sandbox(work: Callable[[Sandbox], Awaitable[T]], *, repeatable: bool) -> T:
    """Do something in the sandbox. What it refuses is a ToolFailed, with what the model has to know of the sandbox."""
    sandbox = task_sandbox()
    try:
        return await sandbox.run(work, repeatable=repeatable)
    except SandboxFailed as error:
        raise ToolFailed(noticed(str(error))) from error


def noticed(text: str) -> str:
    """A result with what the model has to know of its sandbox before it."""
    notice = task_sandbox().take_notice()
    return text if notice is None else f"{notice}\n{text}"
