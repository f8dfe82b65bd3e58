"""Turns an error into one readable line and an exit status."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from typer.exceptions import TyperException

from agent_runtime.cli import exit_codes
from agent_runtime.cli.wording import safe_line
from agent_runtime.domain.errors import AgentRuntimeError


class CommandFailed(AgentRuntimeError):
    """A verb cannot do what it was asked; `exit_code` says which kind of failure it is."""

    def __init__(self, message: str, exit_code: int = exit_codes.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Failure:
    """What is told about an error: one line, a machine word, and the exit status."""

    message: str
    exit_code: int = exit_codes.FAILED
    code: str = "failed"
    extra: dict[str, Any] = field(default_factory=dict)


def report(error: Exception, as_json: bool) -> int:
    """Print the error (a line on stderr; with `as_json` also an object on stdout) and answer the exit status."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(str(error))
        return exit_codes.DONE
    failure = explain(error)
    print(f"Error: {safe_line(failure.message)}", file=sys.stderr)
    if as_json:
        body = {"code": failure.code, "message": failure.message, "exit_code": failure.exit_code, **failure.extra}
        print(json.dumps({"error": body}))
    return failure.exit_code


def explain(error: Exception) -> Failure:
    """What to tell about an error."""
    if isinstance(error, TyperException):
        return Failure(_usage_line(error), code="usage")
    if isinstance(error, CommandFailed):
        return Failure(str(error), error.exit_code)
    if isinstance(error, AgentRuntimeError):
        return _explain_known(error)
    return Failure(
        f"Unexpected {type(error).__name__}: {error}. `python -X dev -m agent_runtime.cli.main …` says more."
    )


def _explain_known(error: AgentRuntimeError) -> Failure:
    from agent_runtime.client.errors import RequestFailed, ServerUnreachable

    if isinstance(error, ServerUnreachable):
        return Failure(str(error), exit_codes.SERVER_UNREACHABLE, "server_unreachable")
    if isinstance(error, RequestFailed):
        problem = error.problem
        fields = [{"field": item.field, "message": item.message} for item in problem.fields]
        extra = {"status": problem.status, "request_id": problem.request_id, "fields": fields}
        return Failure(_with_advice(error), exit_codes.for_http_status(problem.status), problem.code, extra)
    return Failure(str(error), code=str(getattr(error, "code", "failed")))


def _with_advice(error: Any) -> str:
    if error.problem.status == 401:
        return f"{str(error).rstrip('.')}. Set PAR_API_KEY to a key of this server."
    return str(error)


def _usage_line(error: TyperException) -> str:
    path = getattr(getattr(error, "ctx", None), "command_path", "par")
    message = error.format_message()
    return message if "--help" in message or "Did you mean" in message else f"{message} (see `{path} --help`)"
