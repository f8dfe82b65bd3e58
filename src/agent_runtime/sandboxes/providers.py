"""Which providers this deployment has, and why one cannot be used."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agent_runtime.config import Settings
from agent_runtime.domain.errors import ConfigurationError, SandboxFailed
from agent_runtime.domain.sandbox import SandboxChoice
from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxProvider, SandboxSpec

_KEY = "E2B_API_KEY"


@dataclass(frozen=True)
class SandboxOptions:
    """What the operator says of sandboxes. `environment` holds E2B's variables."""

    data_dir: Path
    environment: Mapping[str, str]
    disk_mb: int = 2048
    processes: int = 256

    @classmethod
    def of(cls, settings: Settings) -> "SandboxOptions":
        """As the operator has set them."""
        return cls(
            settings.data_dir, settings.provider_environment, settings.sandbox_disk_mb, settings.sandbox_processes
        )

    @property
    def has_e2b_key(self) -> bool:
        """Whether E2B can be used."""
        return bool(self.environment.get(_KEY))

    @cached_property
    def local(self) -> LocalSandboxes:
        """Those of this host."""
        return LocalSandboxes(self.data_dir.absolute() / "sandboxes")

    def provider(self, choice: SandboxChoice) -> SandboxProvider:
        """The provider that an agent gets. Raises ConfigurationError when this deployment does not have it."""
        name = choice.provider_or(self.has_e2b_key)
        if name == "local":
            return self.local
        if not self.has_e2b_key:
            raise ConfigurationError(_KEY, "the agent's sandbox is E2B's, for which this worker has no key")
        from agent_runtime.sandboxes.e2b import E2bSandboxes

        return E2bSandboxes(self.environment)

    def spec(self, choice: SandboxChoice) -> SandboxSpec:
        """How large an agent's sandbox is."""
        return SandboxSpec(
            choice.template, choice.vcpu, choice.memory_mb, choice.timeout_seconds, self.disk_mb, self.processes
        )

    async def local_problem(self) -> str | None:
        """Why no sandbox can be started on this host; None when one was started just now."""
        try:
            sandbox = await self.local.create(f"probe-{uuid.uuid4().hex}", SandboxSpec(timeout_seconds=30), 1)
        except SandboxFailed as error:
            return str(error)
        try:
            await sandbox.exec("true", 10)
        except SandboxFailed as error:
            return str(error)
        finally:
            await sandbox.destroy()
        return None
