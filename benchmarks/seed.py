"""Agents, tasks and scripts that the benchmarks run on."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from agent_runtime.domain.identifier import new_id
from agent_runtime.store.database import Database
from agent_runtime.store.submit import Submission, Submitter
from benchmarks.bed import Bed

TENANT = "default"
AGENT = "agent"
# The prices that the product's catalog gives to the scripted models, in microdollars per million tokens.
_PRICES = {"default": (0, 0), "priced": (1_000_000, 2_000_000)}
_ADD_MODEL = """
insert into par.models (provider, model_id, display_name, input_price, output_price, cache_read_price,
    cache_write_price, price_source)
values ('scripted', %(model)s, %(model)s, %(input_price)s, %(output_price)s, 0, 0, 'catalog')
on conflict do nothing
"""


def add_agent(url: str, agent_id: str = AGENT, *, model: str = "default") -> None:
    """An agent on the scripted model, with room for as many tasks as are claimed."""
    input_price, output_price = _PRICES[model]
    Bed.rows(url, _ADD_MODEL, {"model": model, "input_price": input_price, "output_price": output_price})
    parameters = {
        "tenant_id": TENANT,
        "agent_id": agent_id,
        "config": json.dumps({"provider": "scripted", "model": model, "allowed_tools": ["calculator"]}),
    }
    Bed.rows(
        url,
        "insert into par.agents (tenant_id, agent_id, display_name, max_concurrent_tasks)"
        " values (%(tenant_id)s, %(agent_id)s, %(agent_id)s, 100000)",
        parameters,
    )
    Bed.rows(
        url,
        "insert into par.agent_versions (tenant_id, agent_id, config_version, agent_config)"
        " values (%(tenant_id)s, %(agent_id)s, 1, %(config)s)",
        parameters,
    )


def task_row(text: str, agent_id: str = AGENT) -> dict[str, Any]:
    """One task as the API hands it to the store."""
    return {
        "task_id": new_id(),
        "run_id": str(uuid4()),
        "agent_id": agent_id,
        "input": text,
        "worker_pool_id": "shared",
        "priority": 4,
        "max_retries": 3,
        "max_steps": 2000,
        "task_timeout_seconds": 3600,
        "labels": {},
        "ordinal": 0,
    }


async def submit(api: Database, inputs: Sequence[str], agent_id: str = AGENT) -> list[str]:
    """Submit tasks through the API's own statement and role; gives their ids."""
    ids: list[str] = []
    submitter = Submitter(api)
    for start in range(0, len(inputs), 500):
        rows = [task_row(text, agent_id) for text in inputs[start : start + 500]]
        stored = await submitter.submit(Submission(TENANT, rows))
        ids += [str(row["task_id"]) for row in stored]
    assert len(ids) == len(inputs), "a submission was refused"
    return ids


def steps_script(tool_steps: int, *, padding: int = 0) -> str:
    """A script of `tool_steps` model calls that ask for the calculator, then an answer: 2 * tool_steps + 1 super-steps.

    `padding` makes each reply's text that many bytes long.
    """
    turns: list[dict[str, Any]] = []
    for number in range(tool_steps):
        turn: dict[str, Any] = {"tool": "calculator", "args": {"expression": f"{number} + 1"}}
        if padding:
            turn["text"] = noise(padding, number)
        turns.append(turn)
    return json.dumps({"script": [*turns, {"text": "done"}]})


def noise(length: int, number: int) -> str:
    """Text that does not shrink much when compressed, like what models write."""
    words = []
    state = number * 2654435761 + 12345
    size = 0
    while size < length:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        word = f"{state >> 33:x}"
        words.append(word)
        size += len(word) + 1
    return " ".join(words)[:length]
