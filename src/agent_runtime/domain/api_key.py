"""The form of an API key: `par_<key id>_<secret><checksum>`, all hexadecimal.

The prefix lets scanners find a key that leaked, the checksum turns away what was mistyped without asking the database,
the key's id says which row to look at, and the 256 random bits of the secret need no slow hash.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

PREFIX = "par_"
_KEY = re.compile(r"par_([0-9a-f]{16})_([0-9a-f]{64})([0-9a-f]{8})")
_ANYWHERE = re.compile(rb"par_[0-9a-f]{16}_")


@dataclass(frozen=True)
class NewKey:
    """A key just made: shown to its owner once, kept as its hash."""

    key_id: str
    text: str
    secret_hash: bytes


def new_key(key_id: str | None = None) -> NewKey:
    """A fresh key, or a fresh secret for the key of this id."""
    key_id = key_id or secrets.token_hex(8)
    body = f"{PREFIX}{key_id}_{secrets.token_hex(32)}"
    text = body + _checksum(body)
    return NewKey(key_id, text, hash_of(text))


def key_id_of(text: str) -> str | None:
    """The id that a well-formed key names; None for anything else."""
    found = _KEY.fullmatch(text)
    if found is None or _checksum(text[:-8]) != found[3]:
        return None
    return found[1]


def hash_of(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).digest()


def same_hash(one: bytes, other: bytes | None) -> bool:
    """Whether two hashes are equal, in a time that does not tell where they differ."""
    return other is not None and hmac.compare_digest(one, bytes(other))


def holds_key(raw: bytes) -> bool:
    """Whether a key stands somewhere in these bytes."""
    return PREFIX.encode() in raw and _ANYWHERE.search(raw) is not None


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
