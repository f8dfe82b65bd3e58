"""The parts of a JSON text are counted outside its strings."""

import json

import pytest

from agent_runtime.api.json_text import has_more_parts


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ({}, 1),
        ([], 1),
        ([1, 2, 3], 3),
        ({"a": 1, "b": [1, 2], "c": {"d": 1}}, 6),
        ({"a": 'commas, brackets [{ and a quote " \\ ,,,,'}, 1),
        ({'a "key", with \\': ",\\,"}, 1),
    ],
)
def test_parts_are_counted(value: object, parts: int) -> None:
    raw = json.dumps(value).encode()
    assert not has_more_parts(raw, parts)
    assert has_more_parts(raw, parts - 1)


def test_a_long_text_of_commas_is_one_part() -> None:
    assert not has_more_parts(json.dumps({"input": "[,{" * 100_000}).encode(), 10)
