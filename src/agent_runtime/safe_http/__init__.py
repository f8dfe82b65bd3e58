"""The one HTTP client for addresses that users and models give: pages, tool servers, webhooks, identity providers.

A name is resolved once, every address it has is checked, and the connection goes to exactly a checked one, so that no
second answer of a name server can lead elsewhere. Bodies, headers, redirects and time are bounded.
It never reads proxy variables, never tells a resolved address to anybody, and knows nothing of tasks or tenants.
Start reading at `targets.py` (what is allowed), then `transport.py` (how it is held), then `client.py` (its use).
"""

from agent_runtime.safe_http.client import Fetched, FetchLimits, SafeClient, check_target
from agent_runtime.safe_http.targets import PUBLIC_ONLY, Targets, targets_from
from agent_runtime.safe_http.transport import SafeTransport, open_httpx_client

__all__ = [
    "PUBLIC_ONLY",
    "FetchLimits",
    "Fetched",
    "SafeClient",
    "SafeTransport",
    "Targets",
    "check_target",
    "open_httpx_client",
    "targets_from",
]
