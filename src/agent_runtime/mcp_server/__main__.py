"""`python -m agent_runtime.mcp_server [--http HOST:PORT] [--runtime URL]`: what `par mcp serve` becomes."""

import sys

from agent_runtime.client import ClientOptions
from agent_runtime.config import Settings, load
from agent_runtime.domain.errors import ConfigurationError
from agent_runtime.mcp_server.server import ServerOptions, build
from agent_runtime.safe_http import targets_from
from agent_runtime.tools.web_search import open_web_search


def main(arguments: list[str]) -> int:
    """Serve until the client goes or the process is stopped."""
    named = dict(zip(arguments[::2], arguments[1::2], strict=True))
    try:
        server = build(options_from(load(), named.get("--http"), named.get("--runtime")))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    server.run(transport="streamable-http" if "--http" in named else "stdio")
    return 0


def options_from(settings: Settings, http: str | None, runtime: str | None) -> ServerOptions:
    """From the settings and the command line. Raises ConfigurationError for an address that is none."""
    host, _, port = (http or "127.0.0.1:8090").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigurationError("--http", f"{http!r} is not HOST:PORT")
    return ServerOptions(
        search=open_web_search(settings.web_search, settings.tool_environment),
        targets=targets_from(settings, loopback=False),
        runtime=ClientOptions(runtime, settings.api_key) if runtime else None,
        host=host.strip("[]"),
        port=int(port),
        token=settings.mcp_token,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
