"""Asks each configured provider which models it has. One that fails is reported and never stops the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import structlog

from agent_runtime.models.failures import clean
from agent_runtime.models.model_catalog import SCRIPTED_MODELS, catalog, describe, is_for_agents
from agent_runtime.models.model_record import ModelRecord
from agent_runtime.models.providers import SCRIPTED, Providers, ProviderSettings

DISCOVERY_SECONDS = 15.0
MOST_PAGES = 20
ANTHROPIC_VERSION = "2023-06-01"

ProblemListener = Callable[[str, str], None]
_log = structlog.get_logger(__name__)


class ListingFailed(Exception):
    """A provider's list of models could not be had; the text says why."""


async def discover(
    providers: Providers, *, timeout_seconds: float = DISCOVERY_SECONDS, on_problem: ProblemListener | None = None
) -> list[ModelRecord]:
    """The models that the configured providers list, with prices and limits from the tables.

    `on_problem(provider, message)` hears of each provider that could not be asked; without it the problem is logged.
    All providers are asked at once, each within `timeout_seconds`.
    """
    # The tables take a second to load the first time: not in the event loop.
    await asyncio.to_thread(catalog)
    asked = [settings for name in providers.names() if (settings := providers.get(name)) and name != SCRIPTED]
    listed = await asyncio.gather(*(_ask(settings, timeout_seconds, on_problem or _log_problem) for settings in asked))
    return [*SCRIPTED_MODELS, *(record for records in listed for record in records)]


async def _ask(settings: ProviderSettings, timeout_seconds: float, on_problem: ProblemListener) -> list[ModelRecord]:
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _LIST_OF_KIND[settings.kind](settings)
    except TimeoutError:
        on_problem(settings.name, f"did not list its models within {timeout_seconds:g} s")
    except ListingFailed as error:
        on_problem(settings.name, clean(str(error), settings))
    except Exception as error:  # noqa: BLE001  a provider may answer anything; discovery is never fatal
        on_problem(settings.name, clean(f"listing its models failed: {type(error).__name__}: {error}", settings))
    return []


def _log_problem(provider: str, message: str) -> None:
    _log.warning("model_discovery_failed", provider=provider, problem=message)


async def _list_openai(settings: ProviderSettings) -> list[ModelRecord]:
    url = f"{settings.base_url or 'https://api.openai.com/v1'}/models"
    headers = {"Authorization": f"Bearer {settings.api_key}"}
    async with httpx.AsyncClient(headers=headers, timeout=DISCOVERY_SECONDS) as client:
        answer = await _get(client, url)
    ids = [str(entry["id"]) for entry in _entries(answer, "data")]
    # An endpoint of the operator's lists what it lists; only OpenAI itself mixes in models that agents cannot use.
    if not settings.is_compatible_endpoint and settings.base_url is None:
        ids = [model_id for model_id in ids if is_for_agents("openai", model_id)]
    return [describe(settings.name, "openai", model_id) for model_id in ids]


async def _list_anthropic(settings: ProviderSettings) -> list[ModelRecord]:
    url = f"{settings.base_url or 'https://api.anthropic.com'}/v1/models"
    headers = {"x-api-key": settings.api_key or "", "anthropic-version": ANTHROPIC_VERSION}
    records: list[ModelRecord] = []
    query = {"limit": "1000"}
    async with httpx.AsyncClient(headers=headers, timeout=DISCOVERY_SECONDS) as client:
        for _ in range(MOST_PAGES):
            answer = await _get(client, url, query)
            records += [
                describe("anthropic", "anthropic", str(entry["id"]), entry.get("display_name"))
                for entry in _entries(answer, "data")
            ]
            if not answer.get("has_more") or not answer.get("last_id"):
                break
            query = {"limit": "1000", "after_id": str(answer["last_id"])}
    return records


async def _list_google(settings: ProviderSettings) -> list[ModelRecord]:
    url = f"{settings.base_url or 'https://generativelanguage.googleapis.com'}/v1beta/models"
    records: list[ModelRecord] = []
    query = {"pageSize": "1000"}
    headers = {"x-goog-api-key": settings.api_key or ""}
    async with httpx.AsyncClient(headers=headers, timeout=DISCOVERY_SECONDS) as client:
        for _ in range(MOST_PAGES):
            answer = await _get(client, url, query)
            records += [_google_record(entry) for entry in _entries(answer, "models") if _generates_text(entry)]
            if not answer.get("nextPageToken"):
                break
            query = {"pageSize": "1000", "pageToken": str(answer["nextPageToken"])}
    return records


def _generates_text(entry: Mapping[str, Any]) -> bool:
    methods = entry.get("supportedGenerationMethods", ["generateContent"])
    return "generateContent" in methods and is_for_agents("google", str(entry["name"]).removeprefix("models/"))


def _google_record(entry: Mapping[str, Any]) -> ModelRecord:
    record = describe("google", "google", str(entry["name"]).removeprefix("models/"), entry.get("displayName"))
    return _with_limits(record, entry.get("inputTokenLimit"), entry.get("outputTokenLimit"))


def _with_limits(record: ModelRecord, context_window: int | None, max_output_tokens: int | None) -> ModelRecord:
    values = {**record.__dict__}
    values["context_window"] = context_window or record.context_window
    values["max_output_tokens"] = max_output_tokens or record.max_output_tokens
    return ModelRecord(**values)


async def _list_bedrock(settings: ProviderSettings) -> list[ModelRecord]:
    from agent_runtime.models.bedrock_listing import list_bedrock_models

    found = await asyncio.to_thread(list_bedrock_models, settings)
    return [describe("bedrock", "bedrock", model_id, name) for model_id, name in found]


_LIST_OF_KIND: dict[str, Callable[[ProviderSettings], Awaitable[list[ModelRecord]]]] = {
    "openai": _list_openai,
    "anthropic": _list_anthropic,
    "google": _list_google,
    "bedrock": _list_bedrock,
}


async def _get(client: httpx.AsyncClient, url: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    try:
        response = await client.get(url, params=dict(query or {}))
    except httpx.HTTPError as error:
        raise ListingFailed(f"cannot be reached at {url}: {type(error).__name__}: {error}") from None
    if response.status_code in (401, 403):
        raise ListingFailed(f"refuses the key (status {response.status_code}): check it and its rights")
    if response.status_code != 200:
        raise ListingFailed(f"answered status {response.status_code} at {url}")
    try:
        answer = response.json()
    except ValueError:
        raise ListingFailed(f"answered something that is not JSON at {url}") from None
    if not isinstance(answer, Mapping):
        raise ListingFailed(f"answered JSON of another shape at {url}")
    return answer


def _entries(answer: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = answer.get(key)
    if not isinstance(entries, list):
        raise ListingFailed(f"answered JSON without a list {key!r}")
    return [entry for entry in entries if isinstance(entry, Mapping) and (entry.get("id") or entry.get("name"))]
