"""Models as people name them: `provider/model`, where the model's own id may hold slashes."""

from __future__ import annotations

from agent_runtime.cli.failure import CommandFailed


def model_name(text: str) -> tuple[str, str]:
    """Provider and model. Raises CommandFailed for a text of another form."""
    provider, separator, model = text.partition("/")
    if not (provider and separator and model):
        raise CommandFailed(f"{text!r} is not of the form provider/model.")
    return provider, model
