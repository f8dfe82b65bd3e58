"""Our own MCP server, for clients outside: a few of the built-in tools, and the runtime itself as tools.

It speaks stdio or streamable HTTP and talks to a runtime as any client does, through `agent_runtime.client`. It never
touches the database and runs no agent. Over HTTP it answers its own machine only, unless it has a token to ask for.
Start reading at `server.py`; `runtime_tools.py` has what a client can do with a runtime.
"""
