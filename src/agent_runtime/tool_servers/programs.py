"""Tool servers that are programs of this machine, as its operator lists them in a file; the API cannot name one.

The registry keeps such a server under the address `stdio:<name>`, for its tools and their approval. What is run for it
stands in the file alone, so that nobody who can write to the database or the API can have a command run.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from agent_runtime.domain.errors import ConfigurationError, Conflict
from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.tool_server import LONGEST_SERVER_NAME, SERVER_NAME
from agent_runtime.store import tool_server as store
from agent_runtime.store.database import Database

SCHEME = "stdio:"
_SETTING = "PAR_TOOL_SERVER_PROGRAMS"
_FIELDS = frozenset({"command", "args", "env", "timeout_seconds"})
_log = structlog.get_logger("tool_servers")


@dataclass(frozen=True)
class Program:
    """What is run, and the environment beside the few variables that every program gets."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: int = 30


def read_programs(path: Path | None) -> Mapping[str, Program]:
    """The programs of the file, `{"name": {"command", "args", "env", "timeout_seconds"}}`.

    Raises ConfigurationError.
    """
    if path is None:
        return {}
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(_SETTING, f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise ConfigurationError(_SETTING, f"{path} must hold a JSON object of programs by name")
    return {name: _program(path, name, entry) for name, entry in parsed.items()}


async def register(database: Database, tenant_id: str, programs: Mapping[str, Program]) -> None:
    """Give each program its place in the registry; one that has it keeps what was approved."""
    for name, program in programs.items():
        values = store.ServerValues(
            name, SCHEME + name, "none", {}, program.timeout_seconds, "active", auth_token_set=False
        )
        try:
            async with database.transaction(tenant_id) as connection:
                await store.insert_server(connection, tenant_id, new_id(), values)
        except Conflict:
            _log.debug("tool_server_known", server=name)


def _program(path: Path, name: str, entry: Any) -> Program:
    where = f"{path}: {name[:100]!r}"
    if not re.fullmatch(SERVER_NAME, name) or len(name) > LONGEST_SERVER_NAME:
        raise ConfigurationError(_SETTING, f"{where} is no name of a tool server")
    if not isinstance(entry, dict) or entry.keys() - _FIELDS or not isinstance(entry.get("command"), str):
        raise ConfigurationError(_SETTING, f"{where} must have command, and may have args, env and timeout_seconds")
    arguments, environment = entry.get("args", []), entry.get("env", {})
    texts = (
        [*arguments, *environment.values()] if isinstance(arguments, list) and isinstance(environment, dict) else [0]
    )
    if not all(isinstance(text, str) for text in texts):
        raise ConfigurationError(_SETTING, f"{where}: args is a list of texts, env an object of texts")
    seconds = entry.get("timeout_seconds", 30)
    if not isinstance(seconds, int) or not 1 <= seconds <= 3_600:
        raise ConfigurationError(_SETTING, f"{where}: timeout_seconds is a whole number from 1 to 3600")
    return Program((entry["command"], *arguments), environment, seconds)
