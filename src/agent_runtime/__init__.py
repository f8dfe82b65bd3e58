"""A durable execution runtime for AI agents.

Clients submit tasks, stateless workers run them step by step, and every step is durable in PostgreSQL, so that
a worker may be killed at any instant and another goes on from the last step. This package itself imports nothing;
each room below says in its own docstring what it does and where to start reading.
"""

__version__ = "0.1.0"
