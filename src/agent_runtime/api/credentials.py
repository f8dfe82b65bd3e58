"""Turns an Authorization header into a caller, slows down who guesses, and keeps every caller to its rate."""

import hashlib
import hmac
import ipaddress
import time
from typing import Protocol

from agent_runtime.api.auth import Caller, unauthorized
from agent_runtime.api.guess_limit import GuessLimit, too_fast
from agent_runtime.api.key_ring import KeyRing
from agent_runtime.config import Settings
from agent_runtime.domain.access import OPERATOR_TENANT, SCOPES
from agent_runtime.domain.token_bucket import TokenBuckets

# A person who mistypes needs a few tries; ten thousand guesses take a working day and find nothing.
GUESSES_PER_SECOND = 0.5
GUESSES_AT_ONCE = 20
BURST_SECONDS = 2.0
_KEY_OPERATOR = Caller(OPERATOR_TENANT, "operator", frozenset(SCOPES), key_id="operator", is_local=True)


class TokenCheck(Protocol):
    """Knows the tokens of an identity provider."""

    def was_good(self, text: str) -> bool:
        """Whether this very token was let in before."""

    async def find(self, text: str) -> Caller | None:
        """The caller that a token names; None for a token that is no good."""


class Credentials:
    """One per server."""

    def __init__(self, settings: Settings, keys: KeyRing, tokens: TokenCheck | None = None) -> None:
        self._operator_key = settings.operator_key
        self._keys = keys
        self._tokens = tokens
        self._guesses = GuessLimit(GUESSES_PER_SECOND, GUESSES_AT_ONCE)
        self._per_key = _buckets(settings.rate_limit_per_key)
        self._per_tenant = _buckets(settings.rate_limit_per_tenant)

    async def caller_of(self, authorization: str, address: str) -> Caller:
        """The caller that this header names. Raises Problem: 401, or 429 after too many wrong ones or requests."""
        kind, _, text = authorization.partition(" ")
        text = text.strip()
        if kind.lower() == "bearer" and self._is_operator_key(text):
            return _KEY_OPERATOR
        check: KeyRing | TokenCheck = self._tokens if self._tokens and text.count(".") == 2 else self._keys
        caller = await self._find(check, text if kind.lower() == "bearer" else "", _network_of(address))
        if caller is None:
            raise unauthorized()
        self._keep_to_rate(caller)
        return caller

    async def _find(self, known: KeyRing | TokenCheck, text: str, place: str) -> Caller | None:
        if known.was_good(text):
            caller = await known.find(text)
            if caller is None:
                self._guesses.count(place)
            return caller
        async with self._guesses.check(place) as check:
            caller = await known.find(text)
            check.wrong = caller is None
        return caller

    def _is_operator_key(self, text: str) -> bool:
        if self._operator_key is None:
            return False
        given, known = (hashlib.sha256(each.encode()).digest() for each in (text, self._operator_key))
        return hmac.compare_digest(given, known)

    def _keep_to_rate(self, caller: Caller) -> None:
        now = time.monotonic()
        if self._per_key is not None:
            _require(self._per_key.take(caller.key_id or caller.name, now), "this key sends requests")
        if self._per_tenant is not None:
            _require(self._per_tenant.take(caller.tenant_id, now), "this tenant sends requests")


def _require(wait: float, what: str) -> None:
    if wait > 0:
        raise too_fast(wait, what)


def _buckets(per_second: float) -> TokenBuckets | None:
    return TokenBuckets(per_second, max(1.0, per_second * BURST_SECONDS)) if per_second else None


def _network_of(address: str) -> str:
    """Who has an IPv6 address has 2^64 of them: they count as one place."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
