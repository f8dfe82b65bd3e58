"""What a tool server says of a tool: checked, cleaned of what a person cannot see, and hashed as it came."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_DESCRIPTION = 4_096
LARGEST_SCHEMA_BYTES = 128 * 1024
DEEPEST_SCHEMA = 48
# A schema is written out for the model without its references; they may multiply without end.
MOST_SCHEMA_PARTS = 10_000
_TOOL_NAME = re.compile(r"[!-~]{1,128}")
_SURROGATES_AND_NUL = re.compile("[\x00\ud800-\udfff]")
# Letters without a shape and the selectors that can spell a text of their own.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class ToolUnusable(ValueError):
    """The tool cannot be offered to a model; the message says why."""


@dataclass(frozen=True)
class ToolDefinition:
    """A tool of a server. `hash` is over what the server sent, the texts are without hidden characters.

    `flags` says what was taken out: `hidden_characters`, `description_cut`.
    """

    name: str
    description: str
    input_schema: Mapping[str, Any]
    annotations: Mapping[str, Any]
    hash: str
    flags: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """The part that is kept beside name and hash."""
        return {
            "description": self.description,
            "input_schema": dict(self.input_schema),
            "annotations": dict(self.annotations),
            "flags": list(self.flags),
        }

    @classmethod
    def from_stored(cls, name: str, digest: str, kept: Mapping[str, Any]) -> "ToolDefinition":
        """Read back what `stored` gave."""
        return cls(
            name, kept["description"], kept["input_schema"], kept["annotations"], digest, tuple(kept.get("flags", ()))
        )


def definition_of(
    name: str, description: str | None, schema: Mapping[str, Any], annotations: Mapping[str, Any] | None
) -> ToolDefinition:
    """A definition out of what a server sent. Raises ToolUnusable."""
    if not _TOOL_NAME.fullmatch(name):
        raise ToolUnusable("its name is not 1 to 128 visible ASCII characters")
    if schema.get("type", "object") != "object":
        raise ToolUnusable("its arguments are no object")
    complete = {"type": "object", **schema}
    try:
        digest = hashlib.sha256(_canonical([name, description, schema, annotations])).hexdigest()
        if len(_canonical(schema)) > LARGEST_SCHEMA_BYTES:
            raise ToolUnusable(f"its schema is over {LARGEST_SCHEMA_BYTES} bytes")
        if _parts(schema, schema, set(), {}, 0) > MOST_SCHEMA_PARTS:
            raise ToolUnusable(f"its schema has more than {MOST_SCHEMA_PARTS} parts once its references are followed")
        cleaned, hints = _cleaned(complete, prose=False), _cleaned(dict(annotations or {}), prose=False)
    except RecursionError:
        raise ToolUnusable("its schema is nested too deep") from None
    given = description or ""
    text = visible(given)
    hidden = text != given or cleaned != complete
    found = (("hidden_characters", hidden), ("description_cut", len(text) > LONGEST_DESCRIPTION))
    flags = tuple(flag for flag, raised in found if raised)
    return ToolDefinition(name, _cut(text), cleaned, hints, digest, flags)


def visible(text: str) -> str:
    """The text without characters that a person does not see and a model reads: control, zero-width, bidi, tags."""
    return "".join(char for char in text if not _hidden(char))


def _hidden(char: str) -> bool:
    if char in "\n\t" or "\x20" <= char <= "\x7e":
        return False
    selector = 0xFE00 <= ord(char) <= 0xFE0F or 0xE0100 <= ord(char) <= 0xE01EF or 0x180B <= ord(char) <= 0x180F
    return selector or char in _BLANK_LETTERS or unicodedata.category(char) in _HIDDEN_CATEGORIES


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_DESCRIPTION else f"{text[:LONGEST_DESCRIPTION]}…"


def _canonical(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode()


def _cleaned(value: Any, *, prose: bool) -> Any:
    """Prose (titles, descriptions, comments) without hidden characters, all other texts without what has no storage."""
    if isinstance(value, str):
        return visible(value) if prose else _SURROGATES_AND_NUL.sub("", value)
    if isinstance(value, list):
        return [_cleaned(each, prose=prose) for each in value]
    if isinstance(value, dict):
        return {
            _SURROGATES_AND_NUL.sub("", key): _cleaned(each, prose=key in ("title", "description", "$comment"))
            for key, each in value.items()
        }
    return value


def _parts(node: Any, root: Mapping[str, Any], under_way: set[str], known: dict[str, int], depth: int) -> int:
    """How many parts a schema has with its references followed; a reference to what is under way counts once."""
    if depth > DEEPEST_SCHEMA:
        raise ToolUnusable(f"its schema is nested deeper than {DEEPEST_SCHEMA}")
    if isinstance(node, list):
        return 1 + sum(_parts(each, root, under_way, known, depth + 1) for each in node)
    if not isinstance(node, dict):
        return 1
    total = 1 + sum(_parts(each, root, under_way, known, depth + 1) for each in node.values())
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#") or reference in under_way:
        return total
    if reference not in known:
        under_way.add(reference)
        known[reference] = _parts(_target(root, reference), root, under_way, known, 0)
        under_way.discard(reference)
    return total + known[reference]


def _target(root: Mapping[str, Any], reference: str) -> Any:
    node: Any = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict):
            node = node.get(key)
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            return None
    return node
