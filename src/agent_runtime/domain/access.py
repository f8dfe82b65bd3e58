"""Who may do what: scopes, and the roles that are named sets of them."""

from collections.abc import Iterable

SCOPES = ("read", "submit", "approve", "configure", "admin")
ROLES = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "submit", "approve"}),
    "approver": frozenset({"read", "approve"}),
    "developer": frozenset({"read", "submit", "configure"}),
    "admin": frozenset(SCOPES),
}
# What a route asks for that anybody may call, probes for example.
OPEN = "open"
OPERATOR_TENANT = "default"


def allowed_scopes(scopes: Iterable[str], roles: Iterable[str]) -> frozenset[str]:
    """The scopes given one by one together with those of the roles; unknown words give nothing."""
    given = {scope for scope in scopes if scope in SCOPES}
    return frozenset(given.union(*(ROLES.get(role, frozenset()) for role in roles)))
