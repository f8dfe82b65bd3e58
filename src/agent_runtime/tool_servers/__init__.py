"""Customers' tool servers: how they are reached, what they list, what was approved of it, and calls.

A session belongs to one attempt and lives in a task of its own, since a server that dies can take the protocol's
library with it; every wait has a deadline of ours. What a server says is data: no redirect is followed, no wish of its
own is served, no description reaches a model before a person approved it.
This room never decides whether a call may run and knows nothing of graphs or agents.
Start reading at `connection.py` (the words and the Protocol), then `attempt_servers.py`, then `mcp_session.py`.
"""
