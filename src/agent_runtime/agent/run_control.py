"""LangGraph's words for a run's control and its ends under one roof, so that the worker needs no door of its own."""

from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.runtime import RunControl

__all__ = ["GraphDrained", "GraphRecursionError", "RunControl", "first_state"]


def first_state(text: str | None) -> dict[str, Any]:
    """What a run's graph is given: the input, byte for byte, as the text of a user message."""
    return {"messages": [HumanMessage(content=text or "")]}
