"""Keys of model providers that the operator set or took back while this worker runs."""

import structlog

from agent_runtime.agent.graph import AgentBuilder
from agent_runtime.domain.errors import SecretUnreadable
from agent_runtime.models.providers import Providers
from agent_runtime.store.database import Database
from agent_runtime.store.provider_key import kept_keys
from agent_runtime.store.secret import Secrets

_log = structlog.get_logger("worker")


class ProviderKeys:
    """Looks for kept keys; built agents hold the key that they were built with, so a change builds them anew."""

    def __init__(self, database: Database, secrets: Secrets, providers: Providers, agents: AgentBuilder) -> None:
        self._database = database
        self._secrets = secrets
        self._providers = providers
        self._agents = agents

    async def look(self) -> None:
        """Use what is kept now."""
        try:
            changed = self._providers.use_kept_keys(await kept_keys(self._database, self._secrets))
        except SecretUnreadable as error:
            _log.error("provider_keys_not_readable", error=str(error))
            return
        if changed:
            self._agents.forget_built()
            _log.info("provider_keys_changed")
