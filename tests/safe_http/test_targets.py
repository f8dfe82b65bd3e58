"""Which URLs and addresses are allowed: notations, ports, the operator's list, loopback."""

from ipaddress import ip_address, ip_network

import pytest

from agent_runtime.config import Settings, load
from agent_runtime.config_values import PrivateTarget
from agent_runtime.domain.errors import AddressRefused, ConfigurationError
from agent_runtime.safe_http import PUBLIC_ONLY, Targets, targets_from
from agent_runtime.safe_http.targets import parse_url

REFUSED_URLS = (
    "http://127.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[::127.0.0.1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[2606:4700::1%eth0]/",
    "http://[v1.x]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://localhost./",
    "http://example.com./",
    "http://example..com/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://exa\u00admple.com/\u200b",
    "http://example.com\\@127.0.0.1/",
    "http://exa mple.com/",
    "http://example.com/\n",
    "http://user:password@example.com/",
    "http://token@example.com/",
    "http://example.com:22/",
    "http://example.com:25/",
    "http://example.com:5432/",
    "http://example.com:6379/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:x/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "ws://example.com/",
    "//example.com/",
    "/path",
    "example.com",
    "http://",
    "http:///path",
    "",
    "http://[::1",
    "http://" + "a" * 64 + ".com/",
    "http://example.com/" + "a" * 2048,
)
ALLOWED_URLS = (
    "http://example.com/",
    "https://example.com:8443/path?query=1#part",
    "https://xn--mnchen-3ya.de/",
    "https://münchen.de/",
    "http://my_host.example.com/",
    "http://8.8.8.8/",
    "http://[2606:4700:4700::1111]:8080/",
    "HTTPS://EXAMPLE.COM/",
)


@pytest.mark.parametrize("text", REFUSED_URLS)
def test_a_url_that_can_never_be_allowed_is_refused_before_any_lookup(text: str) -> None:
    with pytest.raises(AddressRefused):
        parse_url(text, PUBLIC_ONLY)


@pytest.mark.parametrize("text", ALLOWED_URLS)
def test_an_ordinary_url_is_accepted(text: str) -> None:
    assert parse_url(text, PUBLIC_ONLY).host


def test_a_listed_network_is_allowed_and_its_neighbours_are_not() -> None:
    targets = Targets((PrivateTarget(ip_network("10.1.0.0/16")),))
    assert targets.permits(ip_address("10.1.2.3"), 8080)
    assert targets.permits(ip_address("::ffff:10.1.2.3"), 8080)
    assert not targets.permits(ip_address("10.2.2.3"), 8080)
    assert not targets.permits(ip_address("10.1.2.3"), 5432)


def test_a_port_of_another_service_must_be_listed_by_its_number() -> None:
    targets = Targets((PrivateTarget(ip_network("10.1.0.0/16"), 9200),))
    assert targets.permits(ip_address("10.1.2.3"), 9200)
    assert not targets.permits(ip_address("10.1.2.3"), 443)
    assert not targets.permits(ip_address("8.8.8.8"), 9200)


def test_a_metadata_service_is_refused_although_a_list_covers_it() -> None:
    everything = Targets((PrivateTarget(ip_network("0.0.0.0/0")), PrivateTarget(ip_network("::/0"))), loopback=True)
    assert everything.permits(ip_address("192.168.1.1"), 80)
    assert not everything.permits(ip_address("169.254.169.254"), 80)
    assert not everything.permits(ip_address("::ffff:169.254.169.254"), 80)
    assert not everything.permits(ip_address("2002:a9fe:a9fe::"), 80)


def test_loopback_is_allowed_where_both_the_system_and_the_use_allow_it() -> None:
    embedded = Settings(loopback_targets=True)
    assert targets_from(embedded, loopback=True).permits(ip_address("127.0.0.1"), 8123)
    assert targets_from(embedded, loopback=True).permits(ip_address("::1"), 8123)
    assert not targets_from(embedded, loopback=True).permits(ip_address("10.0.0.1"), 8123)
    assert not targets_from(embedded, loopback=True).permits(ip_address("127.0.0.1"), 5432)
    assert not targets_from(embedded, loopback=False).permits(ip_address("127.0.0.1"), 8123)
    assert not targets_from(Settings(), loopback=True).permits(ip_address("127.0.0.1"), 8123)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"])
def test_what_a_model_names_is_never_loopback_also_when_the_operator_lists_it(address: str) -> None:
    everything = (PrivateTarget(ip_network("0.0.0.0/0")), PrivateTarget(ip_network("::/0")))
    listed = Settings(allowed_private_targets=everything, loopback_targets=True)

    assert not targets_from(listed, loopback=False).permits(ip_address(address), 8123)
    assert targets_from(listed, loopback=False).permits(ip_address("10.0.0.1"), 8123)
    assert targets_from(listed, loopback=True).permits(ip_address("127.0.0.1"), 8123)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254"])
def test_a_refusal_advises_no_list_that_cannot_help(host: str) -> None:
    pages = targets_from(Settings(), loopback=False)
    with pytest.raises(AddressRefused, match="is never allowed: it is the machine"):
        parse_url(f"http://{host}/", pages)
    with pytest.raises(AddressRefused, match=r"PAR_ALLOWED_PRIVATE_TARGETS, but never the machine of the server$"):
        parse_url("http://10.0.0.1/", pages)
    with pytest.raises(AddressRefused, match=r"PAR_ALLOWED_PRIVATE_TARGETS$"):
        parse_url("http://127.0.0.1/", targets_from(Settings(), loopback=True))


def test_the_operators_list_is_read_from_the_settings() -> None:
    listed = "10.1.0.0/16, 10.0.0.5:8443, [fd00::/8]:443, fd12::1, [fd13::1]"
    assert load({"PAR_ALLOWED_PRIVATE_TARGETS": listed, "PAR_ENV_FILE": ""}).allowed_private_targets == (
        PrivateTarget(ip_network("10.1.0.0/16")),
        PrivateTarget(ip_network("10.0.0.5/32"), 8443),
        PrivateTarget(ip_network("fd00::/8"), 443),
        PrivateTarget(ip_network("fd12::1/128")),
        PrivateTarget(ip_network("fd13::1/128")),
    )


@pytest.mark.parametrize(
    "text", ["host", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1:0", "10.0.0.1:70000", "[fd00::/8", "*"]
)
def test_a_target_that_is_not_a_network_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="PAR_ALLOWED_PRIVATE_TARGETS"):
        load({"PAR_ALLOWED_PRIVATE_TARGETS": text, "PAR_ENV_FILE": ""})
