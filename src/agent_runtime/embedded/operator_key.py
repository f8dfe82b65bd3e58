"""The credential by which commands on this machine act as the operator: made at a start, private to its owner."""

import secrets

from agent_runtime.config import Settings
from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded.files import read_text, write_private
from agent_runtime.embedded.layout import Layout


def operator_key(settings: Settings, layout: Layout) -> str:
    """The credential of this system: the one that is set, or one of its own."""
    return settings.operator_key or read_text(layout.operator_key).strip() or _make(layout)


def kept_operator_key(settings: Settings, layout: Layout) -> str | None:
    """The same for a command: None when there is none, or when it is another user's."""
    try:
        return settings.operator_key or read_text(layout.operator_key).strip() or None
    except StartFailed:
        return None


def require_access(settings: Settings, database_url: str) -> None:
    """Raise StartFailed when others could reach the API and nobody could come in."""
    if settings.on_loopback or settings.auth == "required" or settings.operator_key or settings.oidc_issuer:
        return
    from agent_runtime.store.api_key import require_live_key

    require_live_key(database_url, settings.host)


def _make(layout: Layout) -> str:
    made = secrets.token_hex(32)
    write_private(layout.operator_key, made + "\n")
    return made
