"""What a model call may cost before it starts, and what it did cost when its reply is there."""

from typing import Any
from uuid import uuid4

from langchain.agents.middleware import ModelRequest
from langchain_core.messages import AIMessage

from agent_runtime.agent.attempt_context import AttemptContext
from agent_runtime.agent.fallback import ModelChoice
from agent_runtime.domain.price import cost_microdollars, estimate_microdollars
from agent_runtime.models.usage import estimate_tokens, usage_of
from agent_runtime.store.flush import CallRow, Reservation


def reservation_for(context: AttemptContext, request: ModelRequest[Any], *, besides: int = 0) -> Reservation | None:
    """The worst case of a call, settled if its worker dies; None when it costs nothing or its price is unknown.

    Whichever of its models may answer, the dearest is reserved for.

    `besides` (microdollars) was spent by the same step and is not written yet.
    """
    priced = [
        choice for choice in context.models if choice.price and (choice.price.input_price or choice.price.output_price)
    ]
    if not priced:
        return None
    tokens = estimate_tokens(request.messages) + (len(request.system_prompt or "") // 4)
    amount = max(estimate_microdollars(tokens, choice.max_output_tokens, choice.price) or 0 for choice in priced)
    return Reservation(str(uuid4()), amount + besides, context.provider, context.model) if amount else None


def metered(
    choice: ModelChoice,
    request: ModelRequest[Any],
    reply: AIMessage,
    reservation: Reservation | None,
    seconds: float,
) -> CallRow:
    """The ledger row of a reply, under the model that gave it."""
    usage = usage_of(reply, request.messages)
    return CallRow(
        call_id=reservation.call_id if reservation else str(uuid4()),
        checkpoint_id=None,
        kind="model",
        provider=choice.provider,
        model=choice.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cost=cost_microdollars(usage, choice.price),
        estimated=usage.estimated,
        duration_ms=round(seconds * 1000),
    )
