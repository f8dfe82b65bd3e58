"""Keys of model providers that the operator keeps in the database instead of the environment."""

from agent_runtime.store.database import Connection, Database, Row
from agent_runtime.store.secret import OPERATOR, Owner, Secrets, described_kind, forget

_KIND, _NAME = "provider", "api_key"


async def keep_key(connection: Connection, secrets: Secrets, provider: str, api_key: str) -> None:
    """Keep a key, in an open transaction of the operator. Raises Conflict without a master key."""
    await secrets.seal(connection, Owner(OPERATOR, _KIND, provider), _NAME, api_key)


async def forget_key(connection: Connection, provider: str) -> bool:
    """Forget a key, in an open transaction of the operator; whether there was one."""
    return await forget(connection, Owner(OPERATOR, _KIND, provider))


async def kept_keys(database: Database, secrets: Secrets) -> dict[str, str]:
    """Every kept key by provider; none without a master key. Raises SecretUnreadable."""
    return await secrets.open_kind(database, OPERATOR, _KIND, _NAME) if secrets.usable else {}


async def described(database: Database) -> dict[str, Row]:
    """`last4` and `updated_at` of every kept key, by provider."""
    return await described_kind(database, OPERATOR, _KIND)
