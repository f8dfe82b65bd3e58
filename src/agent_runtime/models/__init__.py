"""The room of language models: which exist, what they cost, and calling them.

It opens chat models of every provider behind one class that streams, watches for stalls and turns any failure into one
classified error; it lists models for the registry; it holds the scripted model for demos and tests.
It never retries, never keeps accounts and never reads the environment: callers hand in settings and write the ledger.
Importing it loads no provider SDK and no langchain; the names below load their module at first use.
Start reading at `open_model.py`, then `streamed_model.py`; `model_catalog.py` and `discovery.py` produce registry rows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_runtime.models.discovery import discover
    from agent_runtime.models.live_tokens import token_sink
    from agent_runtime.models.model_catalog import catalog
    from agent_runtime.models.model_record import ModelRecord
    from agent_runtime.models.open_model import open_chat_model
    from agent_runtime.models.providers import ModelOptions, ModelReference, Providers, ProviderSettings
    from agent_runtime.models.reply import finish_reason_of
    from agent_runtime.models.usage import usage_of

__all__ = [
    "ModelOptions",
    "ModelRecord",
    "ModelReference",
    "ProviderSettings",
    "Providers",
    "catalog",
    "discover",
    "finish_reason_of",
    "open_chat_model",
    "token_sink",
    "usage_of",
]

_MODULE_OF = {
    "ModelOptions": "providers",
    "ModelRecord": "model_record",
    "ModelReference": "providers",
    "ProviderSettings": "providers",
    "Providers": "providers",
    "catalog": "model_catalog",
    "discover": "discovery",
    "finish_reason_of": "reply",
    "open_chat_model": "open_model",
    "token_sink": "live_tokens",
    "usage_of": "usage",
}


def __getattr__(name: str) -> Any:
    """Load the module behind an exported name at first use, so that an import of the package stays cheap."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
