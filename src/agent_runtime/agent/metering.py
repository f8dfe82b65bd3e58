"""What a model call may cost before it starts, and what it did cost when its reply is there."""

from typing import Any
from uuid import uuid4

from langchain.agents.middleware import ModelRequest
from langchain_core.messages import AIMessage

from agent_runtime.agent.attempt_context import AttemptContext
from agent_runtime.domain.price import cost_microdollars, estimate_microdollars
from agent_runtime.models.usage import estimate_tokens, usage_of
from agent_runtime.store.flush import CallRow, Reservation


def reservation_for(context: AttemptContext, request: ModelRequest[Any], *, besides: int = 0) -> Reservation | None:
    """The worst case of a call, settled if its worker dies; None when it costs nothing or its price is unknown.

    `besides` (microdollars) was spent by the same step and is not written yet.
    """
    if context.price is None or not (context.price.input_price or context.price.output_price):
        return None
    tokens = estimate_tokens(request.messages) + (len(request.system_prompt or "") // 4)
    amount = estimate_microdollars(tokens, context.max_output_tokens, context.price)
    return Reservation(str(uuid4()), amount + besides, context.provider, context.model) if amount else None


def metered(
    context: AttemptContext,
    request: ModelRequest[Any],
    reply: AIMessage,
    reservation: Reservation | None,
    seconds: float,
) -> CallRow:
    """The ledger row of a reply."""
    usage = usage_of(reply, request.messages)
    return CallRow(
        call_id=reservation.call_id if reservation else str(uuid4()),
        checkpoint_id=None,
        kind="model",
        provider=context.provider,
        model=context.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cost=cost_microdollars(usage, context.price),
        estimated=usage.estimated,
        duration_ms=round(seconds * 1000),
    )
