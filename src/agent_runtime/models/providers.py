"""Which providers this system may call, and how: keys, base URLs, and the options of one opened model.

Built once from the provider part of the settings; the mapping that is handed in is the only source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent_runtime.domain.errors import ConfigurationError, ModelCallFailed

SCRIPTED = "scripted"
COMPATIBLE_SETTING = "PAR_OPENAI_COMPATIBLE"
KEYLESS_API_KEY = "no-key-needed"
DEFAULT_MAX_OUTPUT_TOKENS = 8_192

PROVIDER_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GEMINI_BASE_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL_BEDROCK",
)
"""The environment variables that settings hand to `Providers.from_environment`; others are ignored."""

_AWS_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_VARIABLE_TO_SET = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
    "bedrock": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
}
KEPT_KEY_PROVIDERS = ("openai", "anthropic", "google")
"""Providers whose key may also be kept in the database."""
_BASE_URL = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "google": "GOOGLE_GEMINI_BASE_URL",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class ModelReference:
    """Which model: `provider` as registered and the provider's own `model_id`."""

    provider: str
    model_id: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model_id}"


@dataclass(frozen=True)
class ModelOptions:
    """How an opened model is called. Times are seconds.

    `max_output_limit` is the model's own limit where the registry knows it. `first_byte_seconds` bounds the wait for
    the first parsed content, `stall_seconds` the gap between two pieces of content, `timeout_seconds` the whole call.
    """

    temperature: float | None = None
    max_output_tokens: int | None = None
    max_output_limit: int | None = None
    first_byte_seconds: float = 300.0
    stall_seconds: float = 120.0
    timeout_seconds: float = 900.0

    @property
    def sent_max_output_tokens(self) -> int:
        """The limit that is sent with every call: the agent's wish or the default, never above the model's own."""
        wanted = self.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS
        return min(wanted, self.max_output_limit) if self.max_output_limit else wanted


@dataclass(frozen=True)
class ProviderSettings:
    """One configured provider. `kind` names the protocol: openai, anthropic, google, bedrock or scripted."""

    name: str
    kind: str
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    aws: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_compatible_endpoint(self) -> bool:
        """Whether this is somebody else's server that speaks OpenAI's protocol."""
        return self.kind == "openai" and self.name != "openai"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value of this provider, so that messages can be cleaned of them."""
        named = (self.aws.get(key) for key in _AWS_SECRETS)
        return tuple(value for value in (self.api_key, *named) if value)


_AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID")


class Providers:
    """The configured providers by name; `scripted` is always among them."""

    def __init__(self, configured: Mapping[str, ProviderSettings], base_urls: Mapping[str, str] | None = None) -> None:
        self._configured = {SCRIPTED: ProviderSettings(SCRIPTED, SCRIPTED), **configured}
        self._base_urls = base_urls or {}
        self._by_name = self._configured
        self._kept_keys: dict[str, str] = {}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], openai_compatible: str | None = None) -> Providers:
        """Read the usual provider variables from `environment` and the endpoints from a JSON object.

        `openai_compatible` looks like `{"ollama": {"base_url": "http://…/v1", "api_key": null}}`.
        Raises ConfigurationError naming `PAR_OPENAI_COMPATIBLE` when it has another shape.
        """
        found = [*_from_variables(environment), *_compatible_endpoints(openai_compatible)]
        base_urls = {name: environment[variable] for name, variable in _BASE_URL.items() if environment.get(variable)}
        return cls({settings.name: settings for settings in found}, base_urls)

    def use_kept_keys(self, keys: Mapping[str, str]) -> bool:
        """Use the keys that the operator keeps in the database where the environment has none; whether any changed."""
        wanted = {name: key for name, key in keys.items() if name in KEPT_KEY_PROVIDERS}
        if wanted == self._kept_keys:
            return False
        kept = {name: ProviderSettings(name, name, key, self._base_urls.get(name)) for name, key in wanted.items()}
        self._kept_keys, self._by_name = wanted, {**kept, **self._configured}
        return True

    def is_from_environment(self, name: str) -> bool:
        """Whether the environment configures this provider, so that a kept key would not be used."""
        return name in self._configured

    def names(self) -> list[str]:
        """The configured providers, sorted, with `scripted`."""
        return sorted(self._by_name)

    def is_configured(self, name: str) -> bool:
        """Whether a call to this provider has what it needs."""
        return name in self._by_name

    def get(self, name: str) -> ProviderSettings | None:
        """The settings of a provider, or None."""
        return self._by_name.get(name)

    def require(self, reference: ModelReference) -> ProviderSettings:
        """The settings for a model's provider; ModelCallFailed `provider_missing` names the variable to set."""
        settings = self._by_name.get(reference.provider)
        if settings is not None:
            return settings
        raise ModelCallFailed(
            f"provider {reference.provider} of model {reference.model_id} is not configured: "
            f"{how_to_configure(reference.provider)}",
            code="provider_missing",
            provider=reference.provider,
            model=reference.model_id,
        )


def how_to_configure(provider: str) -> str:
    """What an operator has to set so that `provider` can be called."""
    variable = _VARIABLE_TO_SET.get(provider)
    if provider in KEPT_KEY_PROVIDERS:
        return f"set {variable} and restart, or keep a key with `par model set-key {provider}`"
    if variable is not None:
        return f"set {variable} and restart"
    return f"add it to {COMPATIBLE_SETTING} and restart"


def _from_variables(environment: Mapping[str, str]) -> list[ProviderSettings]:
    found = []
    if key := environment.get("OPENAI_API_KEY"):
        found.append(ProviderSettings("openai", "openai", key, environment.get("OPENAI_BASE_URL") or None))
    if key := environment.get("ANTHROPIC_API_KEY"):
        found.append(ProviderSettings("anthropic", "anthropic", key, environment.get("ANTHROPIC_BASE_URL") or None))
    if key := environment.get("GOOGLE_API_KEY") or environment.get("GEMINI_API_KEY"):
        found.append(ProviderSettings("google", "google", key, environment.get("GOOGLE_GEMINI_BASE_URL") or None))
    if any(environment.get(name) for name in _AWS_CREDENTIALS):
        aws = {
            name: environment[name] for name in PROVIDER_VARIABLES if name.startswith("AWS_") and name in environment
        }
        base_url = environment.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME") or None
        found.append(ProviderSettings("bedrock", "bedrock", base_url=base_url, aws=aws))
    return found


def _compatible_endpoints(text: str | None) -> list[ProviderSettings]:
    if text is None or not text.strip():
        return []
    try:
        endpoints = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(COMPATIBLE_SETTING, f"is not JSON ({error})") from None
    if not isinstance(endpoints, dict):
        raise ConfigurationError(
            COMPATIBLE_SETTING, 'must be an object such as {"ollama": {"base_url": "http://…/v1"}}'
        )
    return [_compatible_endpoint(name, entry) for name, entry in endpoints.items()]


def _compatible_endpoint(name: str, entry: Any) -> ProviderSettings:
    if name in _VARIABLE_TO_SET or name == SCRIPTED or not _NAME.fullmatch(name):
        raise ConfigurationError(COMPATIBLE_SETTING, f"{name!r} cannot be the name of an endpoint; choose another")
    if not isinstance(entry, dict) or set(entry) - {"base_url", "api_key"}:
        raise ConfigurationError(COMPATIBLE_SETTING, f"{name!r} takes base_url and api_key only")
    base_url, api_key = entry.get("base_url"), entry.get("api_key")
    if not isinstance(base_url, str) or not base_url.startswith(("http://", "https://")):
        raise ConfigurationError(COMPATIBLE_SETTING, f"{name!r} needs a base_url that starts with http:// or https://")
    if api_key is not None and not isinstance(api_key, str):
        raise ConfigurationError(COMPATIBLE_SETTING, f"the api_key of {name!r} must be a string or null")
    return ProviderSettings(name, "openai", api_key or KEYLESS_API_KEY, base_url.rstrip("/"))
