"""Checks a call's arguments against the schema that the server gave, with the work bounded.

The schema is a stranger's: it may point to itself without end, unfold without end, hold a pattern that takes for ever
or be no schema at all. What cannot be decided within the bound is left to the server, which checks for itself.
"""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jsonschema import Draft202012Validator, validators
from referencing import Registry

_MOST_CHECKS = 10_000
_MOST_PROBLEMS = 5
_LONGEST_PROBLEM = 300
# Each of these may take time out of proportion to its size.
_LEFT_TO_SERVER = frozenset(
    {"pattern", "patternProperties", "uniqueItems", "unevaluatedItems", "unevaluatedProperties", "format"}
)
_left: ContextVar[int] = ContextVar("par_schema_checks_left")


class _Undecided(Exception):
    """More was to be checked than any real call needs."""


def argument_problem(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    """What is wrong with the arguments, in words for a model; None when nothing is, or when it cannot be told."""
    _left.set(_MOST_CHECKS)
    found: list[str] = []
    try:
        # An empty registry: no reference of a stranger is fetched from anywhere.
        for error in _Validator(_of_one_draft(schema), registry=Registry()).iter_errors(arguments):
            place = ".".join(map(str, error.absolute_path)) or "arguments"
            found.append(f"{place}: {error.message[:_LONGEST_PROBLEM]}")
            if len(found) == _MOST_PROBLEMS:
                break
    except Exception:  # noqa: BLE001 - a schema of a stranger breaks the checker in ways that nobody can list
        return None
    return "; ".join(found) or None


def _counted(rule: Any) -> Any:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        left = _left.get() - 1
        _left.set(left)
        if left < 0:
            raise _Undecided
        yield from rule(validator, value, instance, schema) or ()

    return check


def _additional(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
    """The rule needs the patterns that are left to the server."""
    return (
        ()
        if "patternProperties" in schema
        else Draft202012Validator.VALIDATORS["additionalProperties"](validator, value, instance, schema)
    )


def _of_one_draft(schema: Any) -> Any:
    """The schema without `$schema`, which would have a part of it checked by rules that are not bounded."""
    if isinstance(schema, list):
        return [_of_one_draft(each) for each in schema]
    if isinstance(schema, Mapping):
        return {
            key: _of_one_draft(each) for key, each in schema.items() if not (key == "$schema" and isinstance(each, str))
        }
    return schema


_RULES = {
    name: _counted(_additional if name == "additionalProperties" else rule)
    for name, rule in Draft202012Validator.VALIDATORS.items()
    if name not in _LEFT_TO_SERVER
}
_Validator: Any = validators.create(
    meta_schema=Draft202012Validator.META_SCHEMA, validators=_RULES, type_checker=Draft202012Validator.TYPE_CHECKER
)
