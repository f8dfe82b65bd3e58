"""Whether arguments that a person edited fit the schema of the tool that is to run with them."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agent_runtime.api.problem import FieldError, worded
from agent_runtime.tools.catalog import TOOLS


def argument_errors(tool_name: str, arguments: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with them, field by field; nothing for a tool whose schema only its worker knows."""
    entry = TOOLS.get(tool_name)
    if entry is None:
        return []
    try:
        entry.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        return [FieldError(("body", "args", *each["loc"]), worded(each["msg"])) for each in error.errors()]
    return []
