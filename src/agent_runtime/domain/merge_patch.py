"""Merging changes into a document (JSON Merge Patch, RFC 7396): null removes, objects merge, all else replaces."""

from collections.abc import Mapping
from typing import Any


def merged(document: Any, patch: Any) -> Any:
    """The document with the patch applied; neither is changed. Depth is bounded by the parser of both."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(document) if isinstance(document, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
