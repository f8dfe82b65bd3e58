"""Whether the arguments of a call fit the schema of its tool, told before anybody is asked about them."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from langchain_core.tools import BaseTool
from pydantic import BaseModel
from pydantic import ValidationError as ModelError
from referencing.exceptions import Unresolvable


def arguments_problem(tool: BaseTool, arguments: Mapping[str, Any]) -> str | None:
    """Why a tool cannot take these arguments; None when it can."""
    schema = tool.args_schema
    if isinstance(schema, dict):
        return _schema_problem(schema, arguments)
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            schema.model_validate(dict(arguments))
        except ModelError as error:
            return str(error)
    return None


def _schema_problem(schema: dict[str, Any], arguments: Mapping[str, Any]) -> str | None:
    try:
        Draft202012Validator(schema).validate(dict(arguments))
    except ValidationError as error:
        return error.message[:500]
    except (SchemaError, Unresolvable, RecursionError) as error:
        return f"the tool's schema cannot be used: {type(error).__name__}"
    return None
