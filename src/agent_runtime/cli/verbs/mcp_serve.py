"""`par mcp serve`."""

from __future__ import annotations

from typing import Annotated

import typer

EXAMPLES = (
    "par mcp serve",
    "par mcp serve --http 127.0.0.1:8090",
    "par mcp serve --no-runtime",
)


def run(
    http: Annotated[
        str | None,
        typer.Option("--http", metavar="HOST:PORT", help="Serve streamable HTTP at /mcp there; else stdin and stdout."),
    ] = None,
    runtime: Annotated[
        bool, typer.Option("--runtime/--no-runtime", help="Offer the runtime (PAR_URL, PAR_API_KEY) as tools, too.")
    ] = True,
) -> int:
    """Serve tools over MCP: web_search, read_url, calculator, and a runtime's tasks.

    The runtime is the one of PAR_URL, or the system that runs here. Serving beyond this machine needs PAR_MCP_TOKEN.
    """
    import os
    import sys

    from agent_runtime.cli.server import running_url
    from agent_runtime.config import load

    settings = load()
    address = (settings.url or running_url(settings)) if runtime else None
    arguments = [*(("--http", http) if http else ()), *(("--runtime", address) if address else ())]
    program = [sys.executable, "-m", "agent_runtime.mcp_server", *arguments]
    sys.stdout.flush()
    # A process of its own kind: the protocol's library is none of the command line's.
    os.execv(sys.executable, program)  # noqa: S606 - our own interpreter and module
