"""How the text of a setting becomes its value; every reader raises ConfigurationError with the setting's name."""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from agent_runtime.domain.errors import ConfigurationError

Value = TypeVar("Value")
Reader = Callable[[str, str], Value]

_TRUE, _FALSE = ("1", "true", "on", "yes"), ("0", "false", "off", "no")


@dataclass(frozen=True)
class OpenAICompatibleEndpoint:
    """A model server that speaks OpenAI's chat completions; `api_key` is None where it needs none."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PrivateTarget:
    """A network that requests for users and models may go to although it is not public; `port` None: any web port."""

    network: IPv4Network | IPv6Network
    port: int | None = None


def text(longest: int = 253) -> Reader[str]:
    """Printable text in one line."""

    def read(name: str, value: str) -> str:
        stripped = value.strip()
        if not stripped.isprintable() or len(stripped) > longest:
            raise ConfigurationError(name, f"must be one printable line of at most {longest} characters")
        return stripped

    return read


def credential(shortest: int) -> Reader[str]:
    """A secret word, long enough not to be guessed; it is never repeated in an error."""

    def read(name: str, value: str) -> str:
        stripped = value.strip()
        if not stripped.isascii() or not stripped.isprintable() or " " in stripped or len(stripped) < shortest:
            raise ConfigurationError(name, f"must be one word of at least {shortest} printable ASCII characters")
        return stripped

    return read


def whole(least: int, most: int) -> Reader[int]:
    """A whole number between two bounds, both allowed."""

    def read(name: str, value: str) -> int:
        try:
            found = int(value, 10)
        except ValueError:
            raise ConfigurationError(name, f"must be a whole number, not {value!r}") from None
        if not least <= found <= most:
            raise ConfigurationError(name, f"must be between {least} and {most}, not {found}")
        return found

    return read


def number(least: float, most: float) -> Reader[float]:
    """A number between two bounds, both allowed."""

    def read(name: str, value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            raise ConfigurationError(name, f"must be a number, not {value!r}") from None
        if not math.isfinite(found) or not least <= found <= most:
            raise ConfigurationError(name, f"must be between {least:g} and {most:g}, not {value.strip()}")
        return found

    return read


def flag() -> Reader[bool]:
    """On or off."""

    def read(name: str, value: str) -> bool:
        word = value.strip().lower()
        if word not in _TRUE + _FALSE:
            raise ConfigurationError(name, f"must be on or off, not {value!r}")
        return word in _TRUE

    return read


def choice(*words: str) -> Reader[str]:
    """One of some words."""

    def read(name: str, value: str) -> str:
        word = value.strip().lower()
        if word not in words:
            raise ConfigurationError(name, f"must be one of {', '.join(words)}, not {value!r}")
        return word

    return read


def folder() -> Reader[Path]:
    """A path; `~` is the home folder."""

    def read(name: str, value: str) -> Path:
        if "\0" in value:
            raise ConfigurationError(name, "must be a path")
        return Path(value.strip()).expanduser()

    return read


def names() -> Reader[tuple[str, ...]]:
    """Words separated by commas."""

    def read(name: str, value: str) -> tuple[str, ...]:
        found = tuple(word.strip() for word in value.split(",") if word.strip())
        if any(not word.isprintable() or " " in word for word in found):
            raise ConfigurationError(name, "must be names separated by commas")
        return found

    return read


def private_targets() -> Reader[tuple[PrivateTarget, ...]]:
    """Networks separated by commas, each with a port or without: `10.1.0.0/16:8443`, `[fd00::/8]:443`, `10.0.0.5`."""

    def read(name: str, value: str) -> tuple[PrivateTarget, ...]:
        return tuple(_private_target(name, word.strip()) for word in value.split(",") if word.strip())

    return read


_PRIVATE_TARGET = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[0-9./]+)|(?P<bare>[0-9a-fA-F:./]+))(?P<port>:[0-9]+)?")


def _private_target(name: str, word: str) -> PrivateTarget:
    match = _PRIVATE_TARGET.fullmatch(word)
    if match is None or (match["bare"] and match["port"]):
        raise ConfigurationError(name, f"{word!r} is not like 10.1.0.0/16, 10.0.0.5:8443 or [fd00::/8]:443")
    try:
        network = ip_network(match["v6"] or match["v4"] or match["bare"])
    except ValueError as error:
        raise ConfigurationError(name, f"{word!r} is not a network: {error}") from None
    port = int(match["port"][1:]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        raise ConfigurationError(name, f"the port of {word!r} must be between 1 and 65535")
    return PrivateTarget(network, port)


def names_of(*words: str) -> Reader[tuple[str, ...]]:
    """Some of these words, separated by commas."""
    read_names = names()

    def read(name: str, value: str) -> tuple[str, ...]:
        found = read_names(name, value.lower())
        for word in found:
            if word not in words:
                raise ConfigurationError(name, f"knows {', '.join(words)}, not {word!r}")
        return found

    return read


def url(*schemes: str) -> Reader[str]:
    """A URL with one of these schemes; its value is never repeated in an error, since it may hold a password."""

    def read(name: str, value: str) -> str:
        stripped = value.strip()
        if stripped.partition("://")[0] not in schemes or "://" not in stripped:
            raise ConfigurationError(name, f"must begin with {schemes[0]}://")
        return stripped

    return read


def endpoints() -> Reader[Mapping[str, OpenAICompatibleEndpoint]]:
    """JSON object of model servers by name."""

    def read(name: str, value: str) -> Mapping[str, OpenAICompatibleEndpoint]:
        try:
            parsed = json.loads(value)
        except ValueError as error:
            raise ConfigurationError(name, f"is not JSON: {error}") from None
        if not isinstance(parsed, dict):
            raise ConfigurationError(name, "must be a JSON object of model servers by name")
        return MappingProxyType({key: _endpoint(name, key, entry) for key, entry in parsed.items()})

    return read


def words() -> Reader[Mapping[str, str]]:
    """JSON object of texts by name."""

    def read(name: str, value: str) -> Mapping[str, str]:
        try:
            parsed = json.loads(value)
        except ValueError as error:
            raise ConfigurationError(name, f"is not JSON: {error}") from None
        if not isinstance(parsed, dict) or not all(isinstance(each, str) for each in parsed.values()):
            raise ConfigurationError(name, "must be a JSON object of texts")
        return MappingProxyType(parsed)

    return read


def _endpoint(name: str, key: str, entry: object) -> OpenAICompatibleEndpoint:
    if not isinstance(entry, dict) or not set(entry) <= {"base_url", "api_key"}:
        raise ConfigurationError(name, f"{key!r} must be an object with base_url and api_key")
    base_url, api_key = entry.get("base_url"), entry.get("api_key")
    if not isinstance(base_url, str) or not base_url.startswith(("http://", "https://")):
        raise ConfigurationError(name, f"{key!r} needs a base_url that begins with http:// or https://")
    if api_key is not None and not isinstance(api_key, str):
        raise ConfigurationError(name, f"the api_key of {key!r} must be a text or null")
    return OpenAICompatibleEndpoint(base_url, api_key)


def closest(name: str, known: Iterable[str]) -> str:
    """A did-you-mean for an unknown name; empty when nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f": did you mean {near[0]}?" if near else ": docs/configuration.md lists all of them"
