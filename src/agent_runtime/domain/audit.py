"""What an audit row says of a change: only what differs, and never a secret."""

import re
from typing import Any

HIDDEN = "(hidden)"
LONGEST_TEXT = 2_000
# Names of fields that hold a secret, and the shapes of credentials that people paste elsewhere.
_SECRET_NAME = re.compile(
    r"secret|token|password|passphrase|authorization|credential|cookie|api_?key|private_?key", re.IGNORECASE
)
_SECRET_TEXT = re.compile(
    r"par_[0-9a-f]{16}_[0-9a-f]+|\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)


def changed_part(before: Any, after: Any) -> tuple[Any, Any]:
    """Both without the fields that are equal in them; a value that is no object stays whole."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    was: dict[str, Any] = {}
    became: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        was[name], became[name] = changed_part(old, new)
    return was, became


def redacted(value: Any, *, hide: bool = False) -> Any:
    """The same without secrets, with long texts cut. All texts of an object under a secret name are hidden."""
    if isinstance(value, dict):
        return {str(name): redacted(part, hide=hide or _hides(str(name))) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(part, hide=hide) for part in value]
    if isinstance(value, str):
        return HIDDEN if hide and value else _cut(_SECRET_TEXT.sub(HIDDEN, value))
    return value


def _hides(name: str) -> bool:
    return name in ("key", "headers") or _SECRET_NAME.search(name) is not None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"
