"""The fingerprint that groups dead letters of one cause."""

import hashlib
import re

FINGERPRINT_VERSION = 1

# What differs between two failures of one cause: identifiers, addresses, paths, quoted values and numbers.
_VARIABLE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\w+://\S+"), "<url>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\b(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{0,4}\b", re.IGNORECASE), "<address>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<address>"),
    (re.compile(r"\b(?=[0-9a-z_-]*\d)[0-9a-z]+(?:[_-][0-9a-z]+)+\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def error_fingerprint(reason: str, code: str, message: str) -> str:
    """Version and hash of a failure without its identifiers, numbers and addresses."""
    text = message
    for pattern, sign in _VARIABLE:
        text = pattern.sub(sign, text)
    digest = hashlib.sha256(f"{reason}\n{code}\n{text.strip().lower()[:500]}".encode(errors="replace")).hexdigest()
    return f"v{FINGERPRINT_VERSION}:{digest[:24]}"
