"""Puts agents and tasks into a database and reads what became of them, without the HTTP server."""

import json
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from agent_runtime.domain.identifier import new_id
from agent_runtime.store.queries import query

Row = dict[str, Any]


class TaskBook:
    """Speaks to one database as its owner."""

    def __init__(self, url: str, tenant_id: str = "default") -> None:
        self.url = url
        self.tenant_id = tenant_id

    def rows(self, statement: str, **parameters: Any) -> list[Row]:
        """Rows of any statement."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def add_agent(self, agent_id: str = "agent", *, config: dict[str, Any] | None = None, **fields: Any) -> str:
        """An agent on the scripted model with the calculator and dev_sleep, unless said otherwise."""
        settings: dict[str, Any] = {"provider": "scripted", "model": "default"}
        settings |= config or {"allowed_tools": ["calculator", "dev_sleep"]}
        values = {"max_concurrent_tasks": 1000, "budget_max_per_task": None, "budget_max_per_hour": None} | fields
        self.rows(
            "insert into par.agents (tenant_id, agent_id, display_name, max_concurrent_tasks, budget_max_per_task,"
            " budget_max_per_hour) values (%(tenant_id)s, %(agent_id)s, %(agent_id)s, %(max_concurrent_tasks)s,"
            " %(budget_max_per_task)s, %(budget_max_per_hour)s)",
            tenant_id=self.tenant_id, agent_id=agent_id, **values,
        )  # fmt: skip
        self.rows(
            "insert into par.agent_versions (tenant_id, agent_id, config_version, agent_config)"
            " values (%(tenant_id)s, %(agent_id)s, 1, %(config)s)",
            tenant_id=self.tenant_id, agent_id=agent_id, config=json.dumps(settings),
        )  # fmt: skip
        return agent_id

    def add_priced_agent(self, agent_id: str, *, config: dict[str, Any] | None = None, **fields: Any) -> str:
        """An agent on a scripted model whose every reply costs 140 microdollars."""
        self.rows(
            "insert into par.models (provider, model_id, display_name, input_price, output_price, price_source)"
            " values ('scripted', 'priced', 'priced', 1000000, 2000000, 'manual') on conflict do nothing"
        )
        tools = {"allowed_tools": ["calculator", "dev_sleep"]}
        return self.add_agent(agent_id, config={"model": "priced", **tools, **(config or {})}, **fields)

    def submit(self, text: str = "hello", *, agent_id: str = "agent", **fields: Any) -> str:
        """A queued task; gives its id."""
        task: dict[str, Any] = {
            "task_id": new_id(),
            "run_id": str(uuid4()),
            "agent_id": agent_id,
            "input": text,
            "worker_pool_id": "shared",
            "priority": 4,
            "max_retries": 3,
            "max_steps": 100,
            "task_timeout_seconds": 3600,
            "labels": {},
            "ordinal": 0,
            "submission": 0,
        } | fields
        submission = {"submission": 0, "idempotency_key": None, "request_hash": None, "tasks": 1}
        parameters = {
            "tenant_id": self.tenant_id,
            "tasks": json.dumps([task]),
            "submissions": json.dumps([submission]),
        }
        rows = self.rows(query("submit", "submit").decode(), **parameters)
        assert len(rows) == 1, "the agent is missing or disabled"
        return str(task["task_id"])

    def task(self, task_id: str) -> Row:
        """The row of a task with the output of its newest run."""
        return self.rows(
            "select t.*, r.output, r.run_number from par.tasks t join par.runs r using (tenant_id, task_id, run_number)"
            " where t.task_id = %(task_id)s",
            task_id=task_id,
        )[0]

    def events(self, task_id: str) -> list[str]:
        """Kinds of all events of a task in order, lifecycle events by their type."""
        rows = self.rows(
            "select coalesce(event_type, kind) as name from par.events where task_id = %(task_id)s order by sequence",
            task_id=task_id,
        )
        return [row["name"] for row in rows]


def script(*turns: dict[str, Any], **fields: Any) -> str:
    """The input of a task that the scripted model follows."""
    return json.dumps({"script": list(turns), **fields})


def calculation(expression: str) -> dict[str, Any]:
    """A turn that calls the calculator."""
    return {"tool": "calculator", "args": {"expression": expression}}
