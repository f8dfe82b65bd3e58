"""The built-in tools: what an agent may call, one file per tool.

`catalog.py` says what exists, with names, descriptions, schemas and whether a call is safe to repeat; it loads no agent
library, so that the API can show it. `registry.py` makes the tools that a graph runs.
A tool never touches the database and never decides a policy. Start reading at `catalog.py`.
"""
