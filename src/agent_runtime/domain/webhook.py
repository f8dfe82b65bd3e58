"""Webhooks: what can be heard of, how it is signed, when it is tried again, and when a receiver is left alone."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

EVENTS = (
    "task_submitted",
    "task_claimed",
    "task_retry_scheduled",
    "task_reclaimed_after_lease_expiry",
    "task_handed_over",
    "task_dead_lettered",
    "task_redriven",
    "task_completed",
    "task_paused",
    "task_resumed",
    "task_approval_requested",
    "task_approved",
    "task_rejected",
    "task_input_requested",
    "task_input_received",
    "task_cancelled",
    "task_follow_up",
    "task_forked",
    "task_compaction_fired",
)
DEFAULT_EVENTS = (
    "task_completed",
    "task_dead_lettered",
    "task_cancelled",
    "task_paused",
    "task_approval_requested",
    "task_input_requested",
)
"""What somebody wants to hear who says nothing: ends, and what waits for a person."""

SECRET_PREFIX = "whsec_"  # noqa: S105 (the mark of a secret, not one)
_SECRET_BYTES = 32
_WAITS_SECONDS = (5, 15, 60, 300, 900, 1_800, 3_600)
FAILURES_BEFORE_BLOCK = 5
_SHORTEST_BLOCK_SECONDS = 15
_LONGEST_BLOCK_SECONDS = 600


def new_secret() -> str:
    """A fresh signing secret."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA-256 of `<id>.<timestamp>.<body>` in base64, under the bytes that the secret encodes."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(signing: Sequence[str], delivery_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Headers of a delivery, with a signature for each live secret."""
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, delivery_id, timestamp, body) for secret in signing),
    }


def wait_after(attempts: int) -> int:
    """Seconds until a delivery that failed `attempts` times is tried again."""
    return _WAITS_SECONDS[min(attempts, len(_WAITS_SECONDS)) - 1]


def block_after(failures: int) -> int:
    """Seconds that a receiver is left alone after `failures` in a row; 0 while it may just have been bad luck."""
    over = failures - FAILURES_BEFORE_BLOCK
    return 0 if over < 0 else min(_SHORTEST_BLOCK_SECONDS * 2 ** min(over, 10), _LONGEST_BLOCK_SECONDS)
