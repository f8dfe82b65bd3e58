"""What an agent's configuration says of its sandbox, and the rules for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PROVIDERS = ("local", "e2b")
LIFETIME_SECONDS = 3600
SHORTEST_LIFETIME_SECONDS = 30
# These run in the sandbox; an agent without one cannot have them.
SANDBOX_TOOLS = frozenset(
    {
        "sandbox_exec",
        "sandbox_read_file",
        "sandbox_write_file",
        "sandbox_edit",
        "sandbox_grep",
        "sandbox_glob",
        "sandbox_process_read",
        "sandbox_process_kill",
        "export_sandbox_file",
    }
)
# For agents without one: with a sandbox the same is done by writing a file there and exporting it.
INSTEAD_OF_SANDBOX = frozenset({"create_text_artifact"})
NEEDS_SANDBOX = "needs a sandbox: set sandbox.enabled"
_FIXED_BY_TEMPLATE = "E2B fixes it in the template: build a template with the size that you need and name it instead"


@dataclass(frozen=True, slots=True)
class SandboxChoice:
    """A sandbox as an agent asks for it; None takes what the deployment or the provider says."""

    provider: str | None = None
    template: str | None = None
    vcpu: int | None = None
    memory_mb: int | None = None
    timeout_seconds: int = LIFETIME_SECONDS

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> "SandboxChoice | None":
        """From the field `sandbox` of a configuration; None when it asks for none."""
        if not config or not config.get("enabled"):
            return None
        names = ("provider", "template", "vcpu", "memory_mb", "timeout_seconds")
        return cls(**{name: config[name] for name in names if config.get(name) is not None})

    def provider_or(self, has_e2b_key: bool) -> str:
        """The provider: the one named, else E2B when there is a key for it, else this machine."""
        return self.provider or ("e2b" if has_e2b_key else "local")


def field_problems(config: Mapping[str, Any], *, has_e2b_key: bool) -> Iterator[tuple[str, str]]:
    """Field and message of what a provider cannot honour."""
    choice = SandboxChoice.of(config)
    if choice is None:
        return
    provider = choice.provider_or(has_e2b_key)
    if provider not in PROVIDERS:
        yield "provider", f"must be one of {', '.join(PROVIDERS)}"
    elif provider == "e2b":
        for name in ("vcpu", "memory_mb"):
            if config.get(name) is not None:
                yield name, _FIXED_BY_TEMPLATE
        if not has_e2b_key:
            yield "provider", "e2b needs E2B_API_KEY in the server's environment"
    elif choice.template is not None:
        yield "template", "local sandboxes have no templates"
    if choice.timeout_seconds < SHORTEST_LIFETIME_SECONDS:
        yield "timeout_seconds", f"must be at least {SHORTEST_LIFETIME_SECONDS}"
