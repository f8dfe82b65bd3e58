"""What the verbs of `par tool-server` share: finding a server by name, reading headers, showing one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

ServerName = Annotated[str, typer.Argument(metavar="SERVER", help="Name or id of the tool server.")]
Headers = Annotated[
    list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="Sent with every request; repeatable.")
]
WithToken = Annotated[
    bool, typer.Option("--token", help="Ask for a bearer token, or read it from stdin.", show_default=False)
]
Timeout = Annotated[int | None, typer.Option("--timeout", min=1, metavar="SECONDS", help="Deadline of a call (30).")]


async def find_server(client: RuntimeClient, name_or_id: str) -> JsonObject:
    """The server, or a failure that says what to look at."""
    from agent_runtime.cli.failure import CommandFailed

    found = await client.tool_servers.find(name_or_id)
    if found is None:
        raise CommandFailed(f"There is no tool server {name_or_id!r}. `par tool-server list` shows what there is.")
    return found


def read_headers(given: list[str] | None) -> dict[str, str]:
    """`NAME=VALUE` texts as a map."""
    from agent_runtime.cli.failure import CommandFailed

    headers = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandFailed(f"{text!r} is not NAME=VALUE.")
        headers[name] = value
    return headers


def read_token(name: str) -> str:
    """A token that no list of processes and no history of commands shows."""
    from getpass import getpass

    from agent_runtime.cli.failure import CommandFailed

    token = (getpass(f"Token of {name}: ") if sys.stdin.isatty() else sys.stdin.read()).strip()
    if not token:
        raise CommandFailed("The token is empty.")
    return token


def pairs_of(server: JsonObject) -> list[tuple[str, str]]:
    """A server for people."""
    from agent_runtime.cli.wording import age, safe_line

    headers = ", ".join(f"{name}={value}" for name, value in server["headers"].items())
    return [
        ("id", server["server_id"]),
        ("name", server["name"]),
        ("url", safe_line(server["url"])),
        ("status", server["status"]),
        ("auth", server["auth_type"] + (" (token set)" if server["auth_token_set"] else "")),
        ("headers", safe_line(headers)),
        ("timeout", f"{server['timeout_seconds']} s"),
        ("updated", age(server.get("updated_at"))),
        ("tools", "\n".join(tool_line(tool) for tool in server["tools"])),
    ]


def tool_line(tool: dict[str, Any]) -> str:
    """One tool on one line, with what differs from what was approved."""
    from agent_runtime.cli.wording import safe_line

    first = tool["description"].strip().partition("\n")[0]
    changed = f" [differs in {', '.join(tool['change'])}]" if tool.get("change") else ""
    return safe_line(f"{tool['state']} {tool['name']}: {first}{changed}", 160)
