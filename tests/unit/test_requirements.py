"""The lock files: every package pinned with hashes, from wherever the machine gets its packages."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LOCKS = ("uv", "build", "runtime", "dev")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (REQUIREMENTS / f"{name}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_address(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    assert re.findall(r"\S*://\S*|--(?:extra-)?index-url|--find-links \S+|@ file", text) == []


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_tests_run_on_the_versions_that_users_get(name: str) -> None:
    locked, tested = pins(name), pins("dev")
    assert {package: version for package, version in locked.items() if tested.get(package, version) != version} == {}
