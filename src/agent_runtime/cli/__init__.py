"""The command `par`: one file per verb in `verbs/`, over the public client and the embedded system.

It never holds rules of its own and never touches the database: tasks, agents and dead letters go over HTTP, start and
stop go to `agent_runtime.embedded`. Nothing heavy (rich, httpx, pydantic) is imported before a verb needs it, so that
`--help` answers at once.

Start reading at `main.py`, then `verb_table.py`, then any file in `verbs/`.
"""
