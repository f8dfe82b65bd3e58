"""One file per verb: a function `run`, typed for typer, and its `EXAMPLES`.

A verb reads its options, makes one call (to the server through `server.ask`, or to `agent_runtime.embedded`), prints
through `Output`, and answers an exit status. What it needs beyond that it imports inside the function, so that help
stays fast. `verb_table.py` lists them all.
"""
