"""Fills the registry of models: what is known beforehand at once, what the providers say later. Never fatal."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import structlog

from agent_runtime.config import Settings
from agent_runtime.domain.errors import DatabaseUnavailable, SecretUnreadable
from agent_runtime.models.model_record import ModelRecord
from agent_runtime.models.providers import SCRIPTED, Providers, ProviderSettings
from agent_runtime.store import model as store
from agent_runtime.store import provider_key
from agent_runtime.store.database import Database
from agent_runtime.store.secret import Secrets

RETRY_SECONDS = 1.0
LOOK_SECONDS = 600.0
FILL_SECONDS = 5.0
KNOWN_PROVIDERS = ("openai", "anthropic", "google", "bedrock", SCRIPTED)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ModelProblem:
    """Why an agent cannot have a model; `field` is `provider` or `model`."""

    field: str
    message: str


class ModelRegistry:
    """The models that agents may name."""

    def __init__(self, database: Database, settings: Settings, secrets: Secrets) -> None:
        self._database = database
        self._discovery = settings.discovery
        self._providers = _providers(settings)
        self._secrets = secrets
        self._asking = asyncio.Lock()
        self._filled = asyncio.Event()

    async def run(self) -> None:
        """Fill the registry as soon as the database is there, then ask the providers again once a day."""
        for _ in count():
            if await self._filled_once():
                break
            await asyncio.sleep(RETRY_SECONDS)
        while self._discovery:
            await asyncio.sleep(LOOK_SECONDS)
            await self.discover_when_due()

    async def discover_when_due(self) -> None:
        """Ask the providers unless some process of the system has within the last day."""
        try:
            if not await store.asked_lately(self._database, self._providers.names()):
                await self.discover()
        except DatabaseUnavailable:
            _log.info("model_discovery_put_off")
        except Exception:  # noqa: BLE001  a registry that cannot be filled must not stop the server
            _log.exception("model_registry_not_filled")

    async def _filled_once(self) -> bool:
        try:
            await self._fill_from_catalog()
            if self._discovery:
                await self.discover()
        except DatabaseUnavailable:
            return False
        except Exception:  # noqa: BLE001  a registry that cannot be filled must not stop the server
            _log.exception("model_registry_not_filled")
        return True

    async def discover(self) -> dict[str, Any]:
        """Ask each configured provider again; answers how that went, by provider."""
        from agent_runtime.models.discovery import discover

        troubles: dict[str, str] = {}
        async with self._asking:
            await self._use_kept_keys()
            found = await discover(self._providers, on_problem=troubles.__setitem__)
            outcomes = [self._outcome(name, found, troubles) for name in self._providers.names()]
            kept = ("provider", "base_url", "status", "last_error")
            await store.fill(self._database, _rows(found), [{name: each[name] for name in kept} for each in outcomes])
        shown = ("provider", "status", "models", "error")
        items = [{**each, "error": each["last_error"]} for each in outcomes]
        return {"providers": [{name: each[name] for name in shown} for each in items], "models": len(found)}

    async def _use_kept_keys(self) -> None:
        try:
            self._providers.use_kept_keys(await provider_key.kept_keys(self._database, self._secrets))
        except SecretUnreadable as error:
            _log.error("provider_keys_not_readable", error=str(error))

    def is_from_environment(self, provider: str) -> bool:
        """Whether the environment configures this provider, so that a kept key would not be used."""
        return self._providers.is_from_environment(provider)

    async def problem_with(self, provider: str, model_id: str) -> ModelProblem | None:
        """Why no agent can be saved with this model; None when one can.

        A provider of this kind that has no key is no reason: the task then fails with the variable to set.
        """
        configured = self._providers.get(provider)
        if provider not in KNOWN_PROVIDERS and configured is None:
            known = ", ".join(sorted({*KNOWN_PROVIDERS, *self._providers.names()}))
            return ModelProblem("provider", f"there is no provider {provider!r}; known are {known}")
        with suppress(TimeoutError):
            async with asyncio.timeout(FILL_SECONDS):
                await self._filled.wait()
        model_known, provider_known = await store.is_known(self._database, provider, model_id)
        if model_known or not provider_known or _takes_any_model(configured):
            return None
        message = f"provider {provider} has no model {model_id!r}; GET /v1/models?provider={provider} lists what it has"
        return ModelProblem("model", message)

    async def _fill_from_catalog(self) -> None:
        from agent_runtime.models.model_catalog import catalog

        await store.fill(self._database, _rows(await asyncio.to_thread(catalog)), [])
        self._filled.set()

    def _outcome(self, name: str, found: Sequence[ModelRecord], troubles: dict[str, str]) -> dict[str, Any]:
        settings = self._providers.get(name)
        return {
            "provider": name,
            "base_url": settings.base_url if settings else None,
            "status": "unreachable" if name in troubles else "configured",
            "models": sum(record.provider == name for record in found),
            "last_error": troubles.get(name),
        }


def _takes_any_model(provider: ProviderSettings | None) -> bool:
    return provider is not None and (provider.is_compatible_endpoint or provider.base_url is not None)


def _rows(records: Sequence[ModelRecord]) -> list[dict[str, Any]]:
    unique = {(record.provider, record.model_id): asdict(record) for record in records}
    return list(unique.values())


def _providers(settings: Settings) -> Providers:
    import json

    endpoints = {
        name: {"base_url": endpoint.base_url, "api_key": endpoint.api_key}
        for name, endpoint in settings.openai_compatible.items()
    }
    return Providers.from_environment(settings.provider_environment, json.dumps(endpoints))
