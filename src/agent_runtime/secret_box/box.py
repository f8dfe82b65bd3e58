"""Sealing and opening one secret.

A sealed secret is one byte of format, eight bytes that name the master key, a nonce of twelve bytes, and the
ciphertext with its tag.
"""

import base64
import hashlib
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agent_runtime.domain.errors import ConfigurationError, SecretUnreadable

KEY_BYTES = 32
MASTER_KEY_SETTING = "PAR_MASTER_KEY"
_FORMAT = 1
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = 1 + _KEY_ID_BYTES + _NONCE_BYTES


@dataclass(frozen=True)
class Place:
    """Where a sealed secret lies; the same place is needed to open it."""

    tenant_id: str
    table: str
    row: str
    column: str
    version: int

    def authenticated(self) -> bytes:
        """Its parts, each with its length, so that no two places are written alike."""
        parts = [part.encode() for part in (self.tenant_id, self.table, self.row, self.column, str(self.version))]
        return b"".join(struct.pack(">I", len(part)) + part for part in parts)


class SecretBox:
    """Seals with the first key, opens with any of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._first = _key_id(keys[0])

    @classmethod
    def from_setting(cls, value: str) -> "SecretBox":
        """The box for `PAR_MASTER_KEY`: keys of 32 bytes in base64, separated by commas. Raises ConfigurationError."""
        return cls([_decoded(word.strip()) for word in value.split(",") if word.strip()] or [_decoded("")])

    def __repr__(self) -> str:
        return f"SecretBox({len(self._ciphers)} keys)"

    def seal(self, secret: str, place: Place) -> bytes:
        """The secret, sealed for one place."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, secret.encode(), place.authenticated())
        return bytes([_FORMAT]) + self._first + nonce + sealed

    def open(self, sealed: bytes, place: Place) -> str:
        """The secret again. Raises SecretUnreadable: another key, another place, or damage."""
        named = f"the secret {place.column} of {place.row}"
        if len(sealed) <= _HEAD_BYTES or sealed[0] != _FORMAT:
            raise SecretUnreadable(f"{named} is damaged: set it again")
        cipher = self._ciphers.get(sealed[1 : 1 + _KEY_ID_BYTES])
        if cipher is None:
            raise SecretUnreadable(f"{named} was sealed with a master key that {MASTER_KEY_SETTING} does not hold")
        try:
            opened = cipher.decrypt(
                sealed[1 + _KEY_ID_BYTES : _HEAD_BYTES], sealed[_HEAD_BYTES:], place.authenticated()
            )
        except InvalidTag:
            raise SecretUnreadable(f"{named} does not belong to this place or is damaged: set it again") from None
        return opened.decode()

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the first key."""
        return sealed[1 : 1 + _KEY_ID_BYTES] == self._first


def new_master_key() -> str:
    """A fresh key as the setting holds it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _decoded(word: str) -> bytes:
    try:
        key = base64.b64decode(word, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            MASTER_KEY_SETTING, f"must be {KEY_BYTES} bytes in base64 (`openssl rand -base64 {KEY_BYTES}`), by comma"
        )
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"persistent agent runtime, name of a master key\0" + key).digest()[:_KEY_ID_BYTES]
