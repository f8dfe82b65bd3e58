"""The HTTP server: checks what clients send, asks the store, and answers JSON or a stream of events.

It holds no rule of the product and no SQL: rules are in `domain`, statements in `store`. It never imports the worker,
nor langchain or langgraph: both sides meet in PostgreSQL alone.
Start reading at `app.py` (how the parts come together), `request_body.py` and `problem.py` (what goes in, what comes
out when something is wrong), then the routes, one file per room. `python -m agent_runtime.api` serves.
"""
