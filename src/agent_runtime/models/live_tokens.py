"""Live tokens: a listener for the text of a reply while it streams. Without one a call costs a context look-up."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

TokenSink = Callable[[str], None]

token_sink: ContextVar[TokenSink | None] = ContextVar("token_sink", default=None)
"""Set by whoever runs the agent; called with each parsed piece of text. It must return at once and never raise."""
