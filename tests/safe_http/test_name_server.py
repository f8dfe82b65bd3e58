"""Rebinding with a real name server, asked by the machine's own resolver in a network of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.sandboxes import bubblewrap
from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def happened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of the fetches of each name."""
    folder: Path = tmp_path_factory.mktemp("etc")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:2 attempts:2\n")
    (folder / "nsswitch.conf").write_text("hosts: dns\n")
    command = [
        bubblewrap.program() or "bwrap",
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--ro-bind", str(folder / "resolv.conf"), "/etc/resolv.conf"),
        *("--ro-bind", str(folder / "nsswitch.conf"), "/etc/nsswitch.conf"),
        *("--unshare-user", "--unshare-net", "--uid", "0", "--cap-add", "CAP_NET_BIND_SERVICE"),
        *(sys.executable, "-m", "tests.safe_http.name_server_play"),
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_name_that_stays_public_is_reached_with_one_lookup_for_each_connection(happened: dict[str, Any]) -> None:
    assert happened["stable.example"][:2] == ["ok", "ok"]


@pytest.mark.parametrize("name", ["rebinding.example", "pair.example", "pair-turned.example", "alias.example"])
def test_a_name_that_leads_inside_is_refused_and_its_address_is_not_told(happened: dict[str, Any], name: str) -> None:
    answers = happened[name]
    if name == "rebinding.example":
        assert answers.pop(0) == "ok", "the first answer is public"
    assert all(answer.startswith("AddressRefused: ") for answer in answers)
    assert not any("127.0.0." in answer for answer in answers)


def test_an_answer_that_changes_between_registration_and_use_is_refused(happened: dict[str, Any]) -> None:
    assert all(answer.startswith("AddressRefused: ") for answer in happened["registered.example"])


def test_the_forbidden_server_saw_no_connection(happened: dict[str, Any]) -> None:
    assert happened["internal connections"] == 0
    assert all(happened["asked"][name] > 0 for name in ("rebinding.example", "pair.example", "alias.example"))
