"""Customers' tool servers: how their tools are named to a model, and what may be said in their name."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

MOST_TOOLS = 128
SEPARATOR = "__"
SERVER_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
LONGEST_SERVER_NAME = 100
LONGEST_URL = 2_048
MOST_HEADERS = 32
# What every provider of models takes as the name of a tool.
_MODEL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOT_IN_MODEL_NAME = re.compile(r"[^A-Za-z0-9_-]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,4096}")
# Set by the protocol or by this system: a header of these names would say two things at once.
_OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "last-event-id",
        "mcp-protocol-version",
        "mcp-session-id",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def model_name(server_name: str, tool_name: str) -> str:
    """How a model calls a server's tool: `server__tool`, which no built-in tool can be called.

    A name that a provider of models would refuse is made to fit and told apart by a hash.
    """
    name = f"{server_name}{SEPARATOR}{tool_name}"
    if _MODEL_NAME.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{_NOT_IN_MODEL_NAME.sub('_', name)[:55]}_{digest}"


def url_problem(url: str) -> str | None:
    """Why this cannot be the address of a server; None when it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must begin with http:// or https:// and name a host"
    if parts.username is not None or parts.password is not None:
        return "must not hold credentials: use auth_type bearer_token with auth_token"
    if parts.fragment or not url.isprintable() or " " in url:
        return "must be an address without spaces and without a fragment"
    return None


def header_problem(name: str, value: str) -> str | None:
    """Why this header cannot be sent to a server; None when it can."""
    if not _HEADER_NAME.fullmatch(name):
        return "is not the name of a header"
    if name.lower() in _OWN_HEADERS:
        hint = ": use auth_type bearer_token with auth_token" if name.lower() == "authorization" else ""
        return f"is set by the runtime{hint}"
    if not _HEADER_VALUE.fullmatch(value) or value != value.strip():
        return "must be printable ASCII of at most 4096 characters without spaces around it"
    return None


def same_origin(one: str, other: str) -> bool:
    """Whether what may be said to one address may be said to the other."""
    return _origin(urlsplit(one)) == _origin(urlsplit(other))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def too_many_tools(built_in: int, by_server: Mapping[str, int]) -> str | None:
    """Why an agent cannot have all these tools; None when it can."""
    total = built_in + sum(by_server.values())
    if total <= MOST_TOOLS:
        return None
    counted = ", ".join(f"{name} {count}" for name, count in by_server.items())
    return f"an agent has at most {MOST_TOOLS} tools, these are {total} ({built_in} built in; {counted})"


def difference(pinned: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    """What a person has to look at before a changed tool may run: each part that differs, as it was and as it is."""
    parts = ("description", "input_schema", "annotations")
    found = {
        part: {"approved": pinned.get(part), "now": seen.get(part)}
        for part in parts
        if pinned.get(part) != seen.get(part)
    }
    return found or {"hidden_characters": {"approved": pinned.get("flags"), "now": seen.get("flags")}}


@dataclass(frozen=True)
class Concern:
    """Why a person must see a call before it is made: a machine word, and what has to be looked at."""

    reason: str
    details: Mapping[str, Any]
