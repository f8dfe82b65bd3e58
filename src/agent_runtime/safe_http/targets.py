"""Which targets are allowed: public addresses, and those that the operator listed; with the form a URL must have."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import httpx

from agent_runtime.config import Settings
from agent_runtime.config_values import PrivateTarget
from agent_runtime.domain.errors import AddressRefused
from agent_runtime.safe_http.address_rules import Address, is_metadata_service, is_public, plain

LONGEST_URL = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
_LOW_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
_SERVICE_PORTS = frozenset(
    {
        1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5433, 5671, 5672, 5900, 5985,
        5986, 6379, 6380, 6443, 7199, 8500, 9042, 9092, 9160, 9200, 9300, 10250, 10255, 11211, 15672, 25672, 27017,
        27018, 27019,
    }
)  # fmt: skip
"""Ports of databases, brokers, remote desktops and cluster agents: no web server that a user names listens there."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


@dataclass(frozen=True)
class Targets:
    """What may be connected to: public addresses, `private` ones of the operator, and loopback where it is allowed."""

    private: Sequence[PrivateTarget] = ()
    loopback: bool = False
    never_loopback: bool = False

    def permits(self, address: Address, port: int) -> bool:
        """Whether a connection to this address and port is allowed."""
        address = plain(address)
        if self.never_permits(address):
            return False
        if self._listed(address, port):
            return True
        if not is_web_port(port):
            return False
        return is_public(address) or (self.loopback and address.is_loopback)

    def never_permits(self, address: Address) -> bool:
        """Whether no list of the operator opens this address."""
        address = plain(address)
        own = self.never_loopback and (address.is_loopback or address.is_unspecified)
        return own or is_metadata_service(address)

    def may_use_port(self, port: int) -> bool:
        """Whether any address at all is allowed at this port; known before a name is resolved."""
        return is_web_port(port) or any(target.port == port for target in self.private)

    def _listed(self, address: Address, port: int) -> bool:
        return any(
            address.version == target.network.version
            and address in target.network
            and (target.port == port or (target.port is None and is_web_port(port)))
            for target in self.private
        )


PUBLIC_ONLY = Targets()


def targets_from(settings: Settings, *, loopback: bool) -> Targets:
    """The operator's policy; `loopback` says whether this use may reach loopback where the system allows that at all.

    What a model can choose (pages to read) never may, also when the operator lists it; what a person configures (tool
    servers, webhooks) may.
    """
    return Targets(
        settings.allowed_private_targets, loopback and settings.loopback_targets, never_loopback=not loopback
    )


def is_web_port(port: int) -> bool:
    """Whether web servers commonly listen there."""
    return port in _LOW_PORTS or (port >= _FIRST_FREE_PORT and port not in _SERVICE_PORTS)


def parse_url(text: str, targets: Targets) -> httpx.URL:
    """The URL in `text`; AddressRefused when it is not plainly written or can never be allowed. Resolves no name."""
    if len(text) > LONGEST_URL:
        raise AddressRefused(f"the URL is longer than {LONGEST_URL} characters")
    if not text.isprintable() or any(character in text for character in " \\"):
        raise AddressRefused("the URL holds spaces, control characters or backslashes")
    _refuse_look_alikes(text)
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise AddressRefused("this is not a URL such as https://example.com/path") from None
    check_url(url, targets)
    return url


def check_url(url: httpx.URL, targets: Targets) -> None:
    """AddressRefused when the parts of a URL can never be allowed: scheme, login, host or port."""
    if url.scheme not in DEFAULT_PORTS:
        raise AddressRefused("only http:// and https:// addresses are allowed")
    if url.userinfo:
        raise AddressRefused("a URL must not carry a user name or password")
    address = literal_address(url.raw_host.decode("ascii"))
    port = port_of(url)
    if not targets.may_use_port(port):
        raise AddressRefused(f"port {port} is not one that web servers use")
    if address is not None and not targets.permits(address, port):
        raise not_allowed(url.host, targets, address)


def port_of(url: httpx.URL) -> int:
    """The port that a connection for `url` goes to."""
    port = DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 65536:
        raise AddressRefused("the port must be between 1 and 65535")
    return port


def literal_address(host: str) -> Address | None:
    """The address that `host` spells, None for a name; AddressRefused when it is neither in its usual form."""
    if ":" in host:
        return _ipv6(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused("the host must be a plain name such as example.com, without a dot at its end")
    return None


def not_allowed(host: str, targets: Targets, literal: Address | None = None) -> AddressRefused:
    """The refusal of a host for its addresses, without saying which they are; `literal` is one that the URL spells."""
    if literal is not None and targets.never_permits(literal):
        return AddressRefused(f"{host} is never allowed: it is the machine of the server, or hands out credentials")
    but = ", but never the machine of the server" if targets.never_loopback else ""
    return AddressRefused(
        f"{host} is not a public address; an operator can allow private ones with PAR_ALLOWED_PRIVATE_TARGETS{but}"
    )


def parsed_addresses(texts: Sequence[str]) -> list[Address]:
    """What a resolver answered, as addresses."""
    return [ip_address(text) for text in texts]


def _ipv4(host: str) -> Address:
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise AddressRefused("an IPv4 address must be written as four decimal numbers") from None


def _ipv6(host: str) -> Address:
    try:
        address = IPv6Address(host)
    except AddressValueError:
        raise AddressRefused("the IPv6 address in the URL is not one") from None
    if address.scope_id is not None:
        raise AddressRefused("an IPv6 address must not name a zone")
    return address


def _refuse_look_alikes(text: str) -> None:
    """Characters that become others when a name is normalised (full-width digits, dots of other scripts)."""
    try:
        host = urlsplit(text).netloc
    except ValueError:
        raise AddressRefused("this is not a URL such as https://example.com/path") from None
    if unicodedata.normalize("NFKC", host) != host or any(dot in host for dot in "\u3002\uff0e\uff61"):
        raise AddressRefused("the host holds characters that stand for others; write it in plain ones")
