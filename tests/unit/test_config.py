"""Settings: what is read, what is refused, and what is never shown."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime.config import PROVIDER_VARIABLES, Settings, documented_settings, load
from agent_runtime.domain.errors import ConfigurationError

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_defaults_are_those_of_the_documentation() -> None:
    rows = re.findall(r"^\| `(PAR_\w+)` \| (.*?) \| (.*?) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    written = [(name, default.strip("`"), unit, doc.replace(r"\|", "|")) for name, default, unit, doc in rows]
    assert written == documented_settings()


def test_every_provider_variable_is_documented() -> None:
    text = DOCUMENT.read_text()
    assert [name for name in PROVIDER_VARIABLES if f"`{name}`" not in text] == []


def test_values_have_their_types(tmp_path: Path) -> None:
    given = {
        "PAR_PORT": "9000",
        "PAR_LEASE_SECONDS": "2.5",
        "PAR_DEV_CONTROLS": "on",
        "PAR_DATA_DIR": "/x",
        "PAR_API_TRUSTED_HOSTS": "a.example, b.example",
    }
    settings = load(given, tmp_path)
    assert (settings.port, settings.lease_seconds, settings.dev_controls) == (9000, 2.5, True)
    assert (settings.data_dir, settings.api_trusted_hosts) == (Path("/x"), ("a.example", "b.example"))


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# note\nexport PAR_PORT=1000\nPAR_WORKERS='5' \nOPENAI_API_KEY=\"k\"\nOTHER=x # y\n"
    )
    settings = load({"PAR_PORT": "2000"}, tmp_path)
    assert (settings.port, settings.workers) == (2000, 5)
    assert settings.provider_environment == {"OPENAI_API_KEY": "k"}


def test_an_empty_value_means_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAR_DATABASE_URL=postgresql://a/b\n")
    assert load({"PAR_DATABASE_URL": ""}, tmp_path).database_url is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PAR_PROT", "1", "did you mean PAR_PORT?"),
        ("PAR_XYZZY", "1", "docs/configuration.md"),
        ("PAR_PORT", "http", "whole number"),
        ("PAR_PORT", "0", "between 1 and 65535"),
        ("PAR_PORT", "70000", "between 1 and 65535"),
        ("PAR_LEASE_SECONDS", "nan", "between"),
        ("PAR_DEV_CONTROLS", "maybe", "on or off"),
        ("PAR_LOG_LEVEL", "loud", "one of debug, info"),
        ("PAR_DATABASE_URL", "mysql://u:secret@h/d", "postgresql://"),
        ("PAR_OPENAI_COMPATIBLE", "{", "not JSON"),
        ("PAR_OPENAI_COMPATIBLE", '{"a": {"base_url": "ftp://x"}}', "base_url"),
        ("PAR_OPENAI_COMPATIBLE", '{"a": {"base_url": "http://x", "key": "secret"}}', "base_url and api_key"),
        ("PAR_WATCHDOG_SECONDS", "31", "below PAR_LEASE_SECONDS"),
        ("PAR_FAULT", "claim.committed:1:exit", "PAR_FAULTS_ALLOWED"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({name: value}, tmp_path)
    message = str(caught.value)
    assert caught.value.setting == name
    assert message.startswith(name)
    assert words in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_short_lease_brings_its_own_watchdog(tmp_path: Path) -> None:
    settings = load({"PAR_LEASE_SECONDS": "3"}, tmp_path)
    assert settings.watchdog_seconds == 2
    assert settings.heartbeat_seconds == pytest.approx(0.6)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    given = {
        "PAR_DATABASE_URL": "postgresql://u:secret@h/d",
        "PAR_API_KEY": "secret",
        "PAR_OPENAI_COMPATIBLE": '{"a": {"base_url": "http://x", "api_key": "secret"}}',
        "OPENAI_API_KEY": "secret",
    }
    settings = load(given, tmp_path)
    assert "secret" not in repr(settings) + repr(settings.openai_compatible["a"])


def test_a_child_gets_the_settings_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PAR_LEASE_SECONDS=7\nANTHROPIC_API_KEY=k\n")
    parent = load({"PATH": "/bin", "PAR_PORT": "1000"}, tmp_path)
    environment = parent.child_environment(worker_id="w")
    (tmp_path / ".env").write_text("PAR_LEASE_SECONDS=9\n")
    child = load(environment, tmp_path)
    assert (child.lease_seconds, child.port, child.worker_id, environment["PATH"]) == (7, 1000, "w", "/bin")
    assert child.provider_environment == {"ANTHROPIC_API_KEY": "k"}


def test_children_keep_what_they_compile(tmp_path: Path) -> None:
    environment = load({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}, tmp_path).child_environment()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONUNBUFFERED"] == "1"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


def test_reading_settings_loads_nothing_heavy() -> None:
    program = "import sys, agent_runtime.config, agent_runtime.embedded; print(*sys.modules)"
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": source})
    loaded = set(done.stdout.split())
    assert "agent_runtime.embedded" in loaded, done.stderr
    assert not loaded & {"pydantic", "asyncio", "psycopg", "subprocess", "http.client"}
