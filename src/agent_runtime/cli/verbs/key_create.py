"""`par key create`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par key create --role developer --name ci",
    "par key create --tenant acme --scope read --scope submit --expires 2030-01-01T00:00:00Z",
    "export PAR_API_KEY=$(par key create --role operator --json | jq -r .key)",
)


def run(
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="read, submit, approve, configure or admin; repeatable."),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="viewer, operator, approver, developer or admin; repeatable."),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Whose key; yours unless given.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="When it ends, as 2030-01-01T00:00:00Z; never unless given."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Make an API key and print it: it is shown this once."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    wanted: dict[str, Any] = {"name": name, "scopes": scope or [], "roles": role or []}
    optional = {"tenant_id": tenant, "expires_at": expires}
    body = wanted | {field: value for field, value in optional.items() if value is not None}
    show_key(ask(lambda client: client.keys.create(body)), Output(as_json))
    return 0


def show_key(key: dict[str, Any], output: Any) -> None:
    """A key with its secret; the warning goes where no script reads."""
    output.pairs(
        [
            ("key", key.get("key") or "(shown once already: rotate it to get another)"),
            ("id", key["key_id"]),
            ("tenant", key["tenant_id"]),
            ("scopes", ", ".join(key["scopes"])),
            ("expires", key.get("expires_at") or "never"),
            ("old key until", key.get("previous_key_valid_until") or ""),
        ],
        key,
    )
    output.note("Keep the key now: it is not shown again.")
