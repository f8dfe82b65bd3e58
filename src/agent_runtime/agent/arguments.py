"""Whether the arguments of a call fit the schema of its tool, told before anybody is asked about them."""

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

from agent_runtime.tools.server_tool import ServerTool


def arguments_problem(tool: BaseTool, arguments: Mapping[str, Any]) -> str | None:
    """Why a tool cannot take these arguments; None when it can."""
    if isinstance(tool, ServerTool):
        return tool.argument_problem(arguments)
    if isinstance(tool.args_schema, type) and issubclass(tool.args_schema, BaseModel):
        try:
            tool.args_schema.model_validate(dict(arguments))
        except ValidationError as error:
            return str(error)
    return None
