"""Limits and abilities of models, from the tables that the langchain provider packages carry.

The tables are read as files: importing a package for its table would load the provider's whole SDK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE_OF_KIND = {
    "openai": "langchain_openai",
    "anthropic": "langchain_anthropic",
    "google": "langchain_google_genai",
    "bedrock": "langchain_aws",
}
_DATE_SUFFIX = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
_REGION_PREFIX = re.compile(r"^(?:us|us-gov|eu|apac|jp|au|ca|sa|global)\.")

Profile = Mapping[str, Any]


@lru_cache(maxsize=8)
def profiles_of(kind: str) -> Mapping[str, Profile]:
    """Every profile of a kind of provider by model id; empty when its package or table is missing."""
    package = _PACKAGE_OF_KIND.get(kind)
    found = find_spec(package) if package is not None else None
    if found is None or found.origin is None:
        return {}
    table = Path(found.origin).parent / "data" / "_profiles.py"
    if not table.is_file():
        return {}
    loader = SourceFileLoader(f"agent_runtime_profiles_{kind}", str(table))
    module = ModuleType(loader.name)
    loader.exec_module(module)
    profiles: Mapping[str, Profile] = getattr(module, "_PROFILES", {})
    return profiles


def profile_of(kind: str, model_id: str) -> Profile:
    """The profile of one model, also under its undated or region-free name; empty when unknown."""
    known = profiles_of(kind)
    plain = _REGION_PREFIX.sub("", model_id)
    for name in (model_id, plain, _DATE_SUFFIX.sub("", plain)):
        if name in known:
            return known[name]
    return {}


def can_converse(profile: Profile) -> bool:
    """Whether a model answers text and calls tools, which an agent needs."""
    return bool(profile.get("text_outputs") and profile.get("tool_calling"))
