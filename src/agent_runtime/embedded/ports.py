"""TCP ports on this machine."""

import socket

from agent_runtime.domain.errors import StartFailed


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether one could listen there. Connections that linger in TIME_WAIT do not count, as for a real server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def require_free(host: str, port: int) -> None:
    """Raises StartFailed when the API could not listen there."""
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise StartFailed(f"PAR_HOST: {host} is not an address of this machine") from None
    if not is_free(host, port):
        raise StartFailed(f"port {port} on {host} is in use by another program: set PAR_PORT to a free one")
