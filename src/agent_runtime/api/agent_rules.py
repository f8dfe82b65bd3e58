"""Turns a request about an agent into the values to store, or into the problem with it."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agent_runtime.api.problem import FieldError, invalid, invalid_field
from agent_runtime.api.request_body import problem_of
from agent_runtime.api.runtime import Runtime
from agent_runtime.api.schemas.agent import AgentConfigBody, ChangeAgentRequest, CreateAgentRequest, ReplaceAgentRequest
from agent_runtime.domain.agent_config import problems, stored
from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.merge_patch import merged
from agent_runtime.domain.sandbox import SandboxChoice, field_problems
from agent_runtime.domain.tool_server import too_many_tools
from agent_runtime.store import tool_server as tool_server_store
from agent_runtime.store.agent import AgentValues
from agent_runtime.store.database import Row

_NOT_IN_ID = re.compile(r"[^a-z0-9_-]+")


async def values_of(runtime: Runtime, tenant_id: str, body: CreateAgentRequest, agent_id: str) -> AgentValues:
    """The values of a whole agent. Raises Problem for a configuration that cannot be saved."""
    config = await checked_config(runtime, tenant_id, body.agent_config)
    return AgentValues(
        body.display_name or agent_id,
        config,
        body.status,
        body.max_concurrent_tasks,
        body.budget_max_per_task,
        body.budget_max_per_hour,
    )


async def changed_values(runtime: Runtime, tenant_id: str, current: Row, body: ChangeAgentRequest) -> AgentValues:
    """The current values with the changes; an absent field stays, a budget of null lifts the limit."""
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    for name in ("display_name", "status", "max_concurrent_tasks", "agent_config"):
        if name in given and given[name] is None:
            raise invalid_field(("body", name), "cannot be null")
    config = current["agent_config"]
    if "agent_config" in given:
        config = await checked_config(runtime, tenant_id, parsed_config(merged(config, given["agent_config"])))
    kept: dict[str, Any] = {name: given.get(name, current[name]) for name in AgentValues.__dataclass_fields__}
    return AgentValues(**kept | {"agent_config": config})


async def checked_config(runtime: Runtime, tenant_id: str, body: AgentConfigBody) -> dict[str, Any]:
    """A configuration as it is stored. Raises Problem 422 naming the fields that keep it from being saved."""
    config = body.model_dump(exclude_none=True)
    found = problems(config, dev_controls=runtime.settings.dev_controls)
    errors = [FieldError(("body", "agent_config", *each.location), each.message) for each in found]
    errors += await _sandbox_errors(runtime, config.get("sandbox") or {})
    if not errors:
        errors = [*await _model_errors(runtime, config), *await _server_errors(runtime, tenant_id, config)]
    if errors:
        raise invalid(errors)
    return stored(config)


def require_same(current: Mapping[str, Any], body: ReplaceAgentRequest | ChangeAgentRequest) -> None:
    """Raise unless the body's id and version, when given, are those of the agent."""
    if body.agent_id is not None and body.agent_id != current["agent_id"]:
        raise invalid_field(("body", "agent_id"), "cannot be changed")
    if body.version is not None and body.version != current["version"]:
        raise Conflict(f"the agent is at version {current['version']}, not {body.version}: read it again")


def id_from_name(display_name: str | None) -> str:
    """An agent's id made from its name; unreadable names get a random one."""
    plain = unicodedata.normalize("NFKD", display_name or "").encode("ascii", "ignore").decode().lower()
    made = _NOT_IN_ID.sub("-", plain).strip("-_")[:64].rstrip("-_")
    return made or f"agent-{new_id()[-12:]}"


def parsed_config(config: Any) -> AgentConfigBody:
    """A configuration put together from parts, checked for types. Raises Problem 422 naming the fields."""
    try:
        return AgentConfigBody.model_validate(config)
    except ValidationError as error:
        problem = problem_of(error)
        errors = [FieldError(("body", "agent_config", *each.loc[1:]), each.msg) for each in problem.errors]
        raise invalid(errors) from None


async def _sandbox_errors(runtime: Runtime, config: Mapping[str, Any]) -> list[FieldError]:
    """What the sandbox's provider cannot honour, or why there is none here."""
    options = runtime.sandboxes.options
    errors = [
        FieldError(("body", "agent_config", "sandbox", name), message)
        for name, message in field_problems(config, has_e2b_key=options.has_e2b_key)
    ]
    choice = SandboxChoice.of(config)
    if not errors and choice is not None and choice.provider_or(options.has_e2b_key) == "local":
        problem = await runtime.sandboxes.local_problem()
        if problem is not None:
            message = f"local sandboxes do not work here: {problem}. Mend this, or set E2B_API_KEY"
            errors.append(FieldError(("body", "agent_config", "sandbox", "provider"), message))
    return errors


async def _model_errors(runtime: Runtime, config: Mapping[str, Any]) -> list[FieldError]:
    places: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [((), config)]
    places += [(("fallback_models", place), each) for place, each in enumerate(config.get("fallback_models") or ())]
    errors = []
    for place, named in places:
        problem = await runtime.models.problem_with(named["provider"], named["model"])
        if problem is not None:
            errors.append(FieldError(("body", "agent_config", *place, problem.field), problem.message))
    return errors


async def _server_errors(runtime: Runtime, tenant_id: str, config: Mapping[str, Any]) -> list[FieldError]:
    """Tool servers that are not registered, or that bring too many tools; none of them has to be up."""
    names: list[str] = config.get("tool_servers") or []
    if not names:
        return []
    known = await tool_server_store.tools_by_server(runtime.database, tenant_id, names)
    where = ("body", "agent_config", "tool_servers")
    errors = [
        FieldError((*where, place), f"there is no tool server {name[:100]!r}")
        for place, name in enumerate(names)
        if name not in known
    ]
    problem = None if errors else too_many_tools(len(config.get("allowed_tools") or ()), known)
    return errors if problem is None else [FieldError(where, problem)]
