"""Sealed secrets open at their own place, with their own key, and nowhere else."""

import base64
from dataclasses import replace

import pytest

from agent_runtime.domain.errors import ConfigurationError, SecretUnreadable
from agent_runtime.secret_box import Place, SecretBox, new_master_key

PLACE = Place("tenant-a", "secrets", "tool_server 1", "token", 3)
SECRET = "canary-5f1d-secret"


@pytest.fixture
def box() -> SecretBox:
    return SecretBox.from_setting(new_master_key())


def test_a_secret_opens_at_its_place(box: SecretBox) -> None:
    sealed = box.seal(SECRET, PLACE)
    assert box.open(sealed, PLACE) == SECRET
    assert SECRET.encode() not in sealed
    assert box.seal(SECRET, PLACE) != sealed


@pytest.mark.parametrize(
    "other",
    [
        {"tenant_id": "tenant-b"},
        {"table": "others"},
        {"row": "tool_server 2"},
        {"column": "token2"},
        {"version": 2},
        {"tenant_id": "tenant-as", "table": "ecrets"},
    ],
)
def test_a_secret_opens_at_no_other_place(box: SecretBox, other: dict[str, object]) -> None:
    with pytest.raises(SecretUnreadable, match="does not belong to this place"):
        box.open(box.seal(SECRET, PLACE), replace(PLACE, **other))  # type: ignore[arg-type]


def test_what_was_changed_or_cut_does_not_open(box: SecretBox) -> None:
    sealed = box.seal(SECRET, PLACE)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(SecretUnreadable):
            box.open(changed, PLACE)
        with pytest.raises(SecretUnreadable):
            box.open(sealed[:place], PLACE)


def test_an_old_key_opens_and_the_first_one_seals() -> None:
    old, new = new_master_key(), new_master_key()
    sealed = SecretBox.from_setting(old).seal(SECRET, PLACE)
    both = SecretBox.from_setting(f"{new}, {old}")
    assert both.open(sealed, PLACE) == SECRET
    assert not both.is_current(sealed)
    assert SecretBox.from_setting(new).open(both.seal(SECRET, PLACE), PLACE) == SECRET
    with pytest.raises(SecretUnreadable, match="PAR_MASTER_KEY does not hold"):
        SecretBox.from_setting(new).open(sealed, PLACE)


@pytest.mark.parametrize(
    "value", ["", ",", "word", base64.b64encode(b"x" * 31).decode(), base64.b64encode(b"x" * 33).decode(), "*" * 44]
)
def test_a_key_of_another_form_stops_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match="32 bytes in base64") as failure:
        SecretBox.from_setting(value)
    assert not value.strip(", ") or value not in str(failure.value)


def test_neither_secrets_nor_keys_are_in_what_is_printed(box: SecretBox) -> None:
    key = new_master_key()
    other = SecretBox.from_setting(key)
    with pytest.raises(SecretUnreadable) as failure:
        other.open(box.seal(SECRET, PLACE), PLACE)
    assert SECRET not in f"{failure.value!r} {box!r}"
    assert key not in repr(other)
