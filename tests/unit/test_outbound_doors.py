"""Requests to other machines leave through few doors; a new client anywhere else would go around the address rules."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "agent_runtime"
HTTP_CLIENTS = (
    "aiohttp", "http.client", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib.request", "urllib3",
    "websockets",
)  # fmt: skip
DOORS = {
    "safe_http": "the client for addresses that users and models give",
    "client": "the public client, which runs at the user's",
    "models": "providers, whose addresses the operator sets",
    "tool_servers": "a guard around the transport of safe_http, which the protocol's library is handed",
    "embedded/system_status.py": "asks its own API on loopback",
}


def clients_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if any(name == each or name.startswith(f"{each}.") for each in HTTP_CLIENTS))


def test_http_clients_are_imported_at_their_doors_only() -> None:
    found = {
        str(file.relative_to(PACKAGE)): sorted(set(clients_in(file)))
        for file in sorted(PACKAGE.rglob("*.py"))
        if not any(Path(door) in (path := file.relative_to(PACKAGE)).parents or Path(door) == path for door in DOORS)
    }
    assert {name: clients for name, clients in found.items() if clients} == {}
