"""Tools of customers' servers, as a graph runs them and as a model is told of them.

They belong to an attempt and not to a graph, which all tasks of an agent share: the list and the session are looked up
at each call.
"""

import mimetypes
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field

from agent_runtime.domain.artifact import name_problem
from agent_runtime.domain.errors import ToolFailed
from agent_runtime.tool_servers.connection import Binary, CallAnswer, CallLost, CallRefused
from agent_runtime.tool_servers.pinning import OfferedTool
from agent_runtime.tools.call_environment import CallEnvironment, current
from agent_runtime.tools.outcome import CallOutcomeUnknown
from agent_runtime.tools.services import ToolServices

_KEPT = 4_096
_declared: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()


class AnyArguments(BaseModel):
    """What a call holds is checked against the schema of its server."""

    model_config = ConfigDict(extra="allow")


class ServerTool(BaseTool):
    """One tool of a server. Its arguments go through as they are, whatever their names."""

    name: str
    description: str = "a tool of a customer's server"
    args_schema: Any = AnyArguments
    servers: Any = Field(exclude=True, repr=False)

    def argument_problem(self, arguments: Mapping[str, Any]) -> str | None:
        """What is wrong with the arguments of a call; None when nothing is."""
        problem: str | None = self.servers.argument_problem(self.name, arguments)
        return problem

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Make the call on the attempt's session. Raises ToolFailed, CallOutcomeUnknown."""
        text = await _call(self.servers, self.name, input["args"])
        return ToolMessage(content=text, name=self.name, tool_call_id=input["id"])

    def _run(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("a server is asked on the event loop")


def declarations(services: ToolServices | None) -> list[dict[str, Any]]:
    """The attempt's server tools in the form that every provider takes, each with its whole schema.

    LangChain's own form would write out every reference of a schema and drop the cyclic ones. The same tool is the same
    object each time, by which bindings are remembered.
    """
    servers = services.tool_servers if services is not None else None
    return [_declaration(tool) for tool in servers.tools.values()] if servers is not None else []


def server_tool(services: ToolServices | None, name: str) -> ServerTool | None:
    """The tool that the model called by this name; None when no server of the attempt has it."""
    servers = services.tool_servers if services is not None else None
    return ServerTool(name=name, servers=servers) if servers is not None and name in servers.tools else None


def _declaration(tool: OfferedTool) -> dict[str, Any]:
    key = (tool.model_name, tool.approved.hash)
    found = _declared.get(key)
    if found is None:
        function = {
            "name": tool.model_name,
            "description": tool.approved.description,
            "parameters": dict(tool.approved.input_schema),
        }
        found = _declared[key] = {"type": "function", "function": function}
        if len(_declared) > _KEPT:
            _declared.popitem(last=False)
    return found


async def _call(servers: Any, name: str, arguments: Mapping[str, Any]) -> str:
    environment = current()
    try:
        answer = await servers.call(name, arguments, environment.idempotency_key)
    except CallRefused as error:
        raise ToolFailed(str(error)) from None
    except CallLost as error:
        raise CallOutcomeUnknown(f"{error}; whether the call took effect is unknown") from None
    text = await _text_of(answer, environment)
    if answer.is_error:
        raise ToolFailed(text)
    return text


async def _text_of(answer: CallAnswer, environment: CallEnvironment) -> str:
    """The texts of an answer, with a line in place of each of its files."""
    lines = []
    for place, part in enumerate(answer.parts, 1):
        lines.append(part if isinstance(part, str) else await _kept(part, place, environment))
    return "\n".join(lines) or "(no result)"


async def _kept(part: Binary, place: int, environment: CallEnvironment) -> str:
    """Keep bytes of a result as an output file of the task; the model reads where."""
    files, size = environment.services.artifacts, len(part.data)
    if files is None:
        return f"[{part.content_type}, {size} bytes, left out]"
    name = part.name or ""
    if not name or name_problem(name) is not None:
        ending = mimetypes.guess_extension(part.content_type.partition(";")[0].strip()) or ".bin"
        name = f"{environment.tool_call_id[-24:] or 'call'}-{place}{ending}"
    try:
        saved = await files.save(name, part.content_type, part.data, tool_call_id=environment.tool_call_id)
    except ToolFailed as error:
        return f"[{part.content_type}, {size} bytes, not kept: {error}]"
    return f"[kept as the output file {saved.filename}: {saved.content_type}, {saved.size_bytes} bytes]"
