"""What a tool server says of its tools is bounded, cleaned and hashed; what it asks to be checked comes to an end."""

import time
from typing import Any

import pytest

from agent_runtime.domain.tool_definition import ToolUnusable, definition_of
from agent_runtime.domain.tool_server import model_name
from agent_runtime.tool_servers.arguments import argument_problem

NODE: dict[str, Any] = {
    "type": "object",
    "properties": {"next": {"$ref": "#/$defs/node"}, "value": {"type": "integer"}},
}
BOMB: dict[str, Any] = {
    "type": "object",
    "$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(12)} | {"d12": {"type": "null"}},
    "properties": {"x": {"$ref": "#/$defs/d0"}},
}


def test_hidden_characters_are_taken_out_flagged_and_part_of_the_hash() -> None:
    plain = definition_of("send", "Send it.", {}, None)
    hidden = definition_of("send", "Send\u200b it.\u202e\U000e0041", {}, None)
    assert (hidden.description, hidden.flags) == ("Send it.", ("hidden_characters",))
    assert hidden.hash != plain.hash
    schema = {"properties": {"a": {"type": "string", "description": "x\u2066y"}}}
    assert definition_of("send", "", schema, None).input_schema["properties"]["a"]["description"] == "xy"


@pytest.mark.parametrize("change", [{"description": "Other."}, {"schema": {"title": "x"}}, {"annotations": {"a": 1}}])
def test_every_part_counts_for_the_hash(change: dict[str, Any]) -> None:
    parts: dict[str, Any] = {"description": "Send it.", "schema": {}, "annotations": None}
    assert definition_of("send", **parts).hash != definition_of("send", **(parts | change)).hash


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("two words", {}),
        ("", {}),
        ("x" * 129, {}),
        ("x", {"type": "string"}),
        ("x", {"description": "y" * 200_000}),
        ("x", BOMB),
    ],
)
def test_a_tool_that_no_model_can_be_given_is_refused_soon(name: str, schema: dict[str, Any]) -> None:
    began = time.monotonic()
    with pytest.raises(ToolUnusable):
        definition_of(name, "", schema, None)
    assert time.monotonic() - began < 5


def test_cycles_are_kept_and_checked() -> None:
    schema = NODE | {"$defs": {"node": NODE}}
    assert definition_of("tree", "", schema, None).input_schema == schema
    assert argument_problem(schema, {"next": {"next": {"value": 1}}}) is None
    assert "next.next.value" in str(argument_problem(schema, {"next": {"next": {"value": "one"}}}))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"x": {"pattern": "^(a+)+$"}}},
        {"patternProperties": {"^(a+)+$": False}, "additionalProperties": False},
        {"$ref": "http://127.0.0.1:1/schema.json"},
        {"properties": 5},
        BOMB,
    ],
)
def test_what_cannot_be_decided_is_left_to_the_server_soon(schema: dict[str, Any]) -> None:
    began = time.monotonic()
    argument_problem(schema, {"x": "a" * 60 + "!"})
    assert time.monotonic() - began < 5


def test_names_for_models_fit_and_stay_apart() -> None:
    assert model_name("crm", "send_mail") == "crm__send_mail"
    odd = {model_name("crm", name) for name in ("a.b", "a/b", "a" * 80, "a" * 81)}
    assert len(odd) == 4
    assert all(len(name) <= 64 and name.startswith("crm__") and name.isascii() for name in odd)
