"""Whether agents with a sandbox can be saved: the first one that asks for a local sandbox has one started."""

import asyncio
from dataclasses import dataclass, field

from agent_runtime.sandboxes.providers import SandboxOptions


@dataclass
class SandboxProbe:
    """Looks once; only what works is remembered, so that what was mended is seen."""

    options: SandboxOptions
    _works: bool = False
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def local_problem(self) -> str | None:
        """Why local sandboxes do not work here; None when they do."""
        async with self._looking:
            if self._works:
                return None
            problem = await self.options.local_problem()
            self._works = problem is None
            return problem
