"""The agent: a LangGraph graph made from an agent's configuration, and what stands around its model and tool calls.

The graph is LangChain's `create_agent`; ours is one middleware that repairs the history, waits until every earlier
step is durable, meters replies, holds the limits and turns a tool's failure into a result. Nothing here claims a task
or moves one to another state. Start reading at `graph.py`, then `middleware.py` and `attempt_context.py`.
"""
