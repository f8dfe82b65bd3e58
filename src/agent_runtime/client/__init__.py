"""The public HTTP client: what Python programs and the CLI use to talk to a running server.

It speaks the contract of `/openapi.json` and nothing else: no database, no server code, no LangChain. Every call is
under a deadline, is tried again when that is safe (each POST carries an `Idempotency-Key` of its own), and raises one
of the errors of `errors.py`. Objects come back as the server sent them: plain dictionaries.

Start reading at `runtime_client.py`; `connection.py` is the one place that sends requests, `task_stream.py` the one
that follows a task live, `blocking.py` the same client for programs without an event loop.
"""

from agent_runtime.client.batch import BatchWait
from agent_runtime.client.blocking import BlockingClient
from agent_runtime.client.connection import ClientOptions, JsonObject
from agent_runtime.client.errors import (
    ClientError,
    RequestConflict,
    RequestFailed,
    RequestForbidden,
    RequestInvalid,
    RequestNotFound,
    RequestThrottled,
    RequestUnauthenticated,
    ServerAway,
    ServerFailed,
    ServerUnreachable,
    TryAgainLater,
    WaitTimedOut,
)
from agent_runtime.client.retry import RetryPolicy
from agent_runtime.client.runtime_client import RuntimeClient
from agent_runtime.client.task import TaskSubmission
from agent_runtime.client.task_stream import StreamEvent, StreamOptions
from agent_runtime.client.waiting import WaitOptions

__all__ = [
    "BatchWait",
    "BlockingClient",
    "ClientError",
    "ClientOptions",
    "JsonObject",
    "RequestConflict",
    "RequestFailed",
    "RequestForbidden",
    "RequestInvalid",
    "RequestNotFound",
    "RequestThrottled",
    "RequestUnauthenticated",
    "RetryPolicy",
    "RuntimeClient",
    "ServerAway",
    "ServerFailed",
    "ServerUnreachable",
    "StreamEvent",
    "StreamOptions",
    "TaskSubmission",
    "TryAgainLater",
    "WaitOptions",
    "WaitTimedOut",
]
