"""Secrets that the system uses again, sealed at rest. They are written, used and forgotten, never shown."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agent_runtime.domain.errors import Conflict, DatabaseUnavailable, SecretUnreadable, StartFailed
from agent_runtime.secret_box import Place, SecretBox
from agent_runtime.store.database import Connection, Database, PoolOptions, Row, fetch_all, fetch_one

OPERATOR = "~operator"
"""The tenant of what belongs to the whole system; no tenant of its users can have this name."""

_SHOWN_FROM_CHARACTERS = 12
_PAGE = 200
_PROOF_TEXT = "this master key opens the secrets of this database"


@dataclass(frozen=True)
class Owner:
    """What has secrets: a tool server, a webhook, a provider."""

    tenant_id: str
    kind: str
    identifier: str

    def parameters(self) -> dict[str, Any]:
        """Its key in the table."""
        return {"tenant_id": self.tenant_id, "owner_kind": self.kind, "owner_id": self.identifier}


_PROOF = Owner(OPERATOR, "master_key", "proof")


class Secrets:
    """Seals and opens under the system's master key; `box` is None where the operator has set none."""

    def __init__(self, box: SecretBox | None) -> None:
        self._box = box

    @classmethod
    def from_setting(cls, master_key: str | None) -> "Secrets":
        """With the keys of `PAR_MASTER_KEY`. Raises ConfigurationError."""
        return cls(SecretBox.from_setting(master_key) if master_key else None)

    @property
    def usable(self) -> bool:
        """Whether there is a master key."""
        return self._box is not None

    async def seal(self, connection: Connection, owner: Owner, name: str, secret: str) -> None:
        """Keep a secret of `owner`, in the open transaction of its tenant; an older one of that name is replaced.

        Raises Conflict without a master key.
        """
        parameters = {**owner.parameters(), "name": name}
        found = await fetch_one(connection, "secret", "version", parameters)
        version = found["version"] + 1 if found else 1
        sealed = self._usable().seal(secret, _place(owner, name, version))
        last4 = secret[-4:] if len(secret) >= _SHOWN_FROM_CHARACTERS else ""
        values = {**parameters, "version": version, "ciphertext": sealed, "last4": last4}
        if await fetch_one(connection, "secret", "put", values) is None:
            raise Conflict(f"the secret {name} was changed by somebody else at the same time: send it again")

    async def open(self, database: Database, owner: Owner, name: str) -> str | None:
        """One secret of `owner`; None when it has none of that name. Raises SecretUnreadable, Conflict."""
        row = await database.tenant_row(owner.tenant_id, "secret", "read", {**owner.parameters(), "name": name})
        return None if row is None else self._opened(owner, row)

    async def open_in(self, connection: Connection, owner: Owner, name: str) -> str | None:
        """The same in an open transaction of the owner's tenant."""
        row = await fetch_one(connection, "secret", "read", {**owner.parameters(), "name": name})
        return None if row is None else self._opened(owner, row)

    async def open_all(self, database: Database, owner: Owner) -> dict[str, str]:
        """All secrets of `owner` by name. Raises SecretUnreadable, Conflict."""
        rows = await database.tenant_rows(owner.tenant_id, "secret", "of_owner", owner.parameters())
        return {row["name"]: self._opened(owner, row) for row in rows}

    async def open_kind(self, database: Database, tenant_id: str, kind: str, name: str) -> dict[str, str]:
        """The secret `name` of every owner of a kind, by owner. Raises SecretUnreadable, Conflict."""
        rows = await database.tenant_rows(tenant_id, "secret", "of_kind", {"owner_kind": kind})
        return {
            row["owner_id"]: self._opened(Owner(tenant_id, kind, row["owner_id"]), row)
            for row in rows
            if row["name"] == name
        }

    async def prove(self, database: Database) -> None:
        """Refuse a master key that is not the one of this database, before anything is served.

        The first key that comes is remembered. Raises StartFailed.
        """
        async with database.transaction(OPERATOR) as connection:
            if self._box is None:
                await _require_no_secrets(connection)
                return
            with suppress(Conflict):  # another process of this system was first: its proof is read below
                await self._first_proof(connection)
            row = await fetch_one(connection, "secret", "read", {**_PROOF.parameters(), "name": "proof"})
        if row is not None:
            self._check_proof(row)

    async def _first_proof(self, connection: Connection) -> None:
        if await fetch_one(connection, "secret", "read", {**_PROOF.parameters(), "name": "proof"}) is None:
            await self.seal(connection, _PROOF, "proof", _PROOF_TEXT)

    def _check_proof(self, row: Row) -> None:
        try:
            self._opened(_PROOF, row)
        except SecretUnreadable:
            raise StartFailed(
                "PAR_MASTER_KEY is not the key of this database: set the one that its secrets were sealed with"
            ) from None

    async def reseal_all(self, connection: Connection) -> int:
        """Seal every secret of every tenant with the first key, in one open transaction; how many had another.

        For a connection that sees all tenants. Raises SecretUnreadable, and then nothing has changed.
        """
        box, changed = self._usable(), 0
        after = {"tenant_id": "", "owner_kind": "", "owner_id": "", "name": "", "limit": _PAGE}
        while rows := await fetch_all(connection, "secret", "page_of_all", after):
            for row in rows:
                if not box.is_current(bytes(row["ciphertext"])):
                    await self._reseal(connection, row)
                    changed += 1
            after.update({key: rows[-1][key] for key in ("tenant_id", "owner_kind", "owner_id", "name")})
        return changed

    async def _reseal(self, connection: Connection, row: Row) -> None:
        owner = Owner(row["tenant_id"], row["owner_kind"], row["owner_id"])
        place = _place(owner, row["name"], row["version"])
        sealed = self._usable().seal(self._opened(owner, row), place)
        await fetch_all(
            connection, "secret", "reseal", {**owner.parameters(), "name": row["name"], "ciphertext": sealed}
        )

    def _usable(self) -> SecretBox:
        if self._box is None:
            raise Conflict("this system keeps no secrets: its operator must set PAR_MASTER_KEY and restart it")
        return self._box

    def _opened(self, owner: Owner, row: Mapping[str, Any]) -> str:
        return self._usable().open(bytes(row["ciphertext"]), _place(owner, row["name"], row["version"]))


async def described(database: Database, owner: Owner) -> dict[str, Row]:
    """What may be shown of an owner's secrets, by name: `last4` (empty for a short one) and `updated_at`."""
    rows = await database.tenant_rows(owner.tenant_id, "secret", "of_owner", owner.parameters())
    return {row["name"]: {"last4": row["last4"], "updated_at": row["updated_at"]} for row in rows}


async def described_kind(database: Database, tenant_id: str, kind: str) -> dict[str, Row]:
    """The same for all owners of a kind, by owner."""
    rows = await database.tenant_rows(tenant_id, "secret", "of_kind", {"owner_kind": kind})
    return {row["owner_id"]: {"last4": row["last4"], "updated_at": row["updated_at"]} for row in rows}


async def forget(connection: Connection, owner: Owner) -> bool:
    """Delete all secrets of `owner` in the open transaction of its tenant; whether there were any."""
    return bool(await fetch_all(connection, "secret", "forget", owner.parameters()))


async def forget_one(connection: Connection, owner: Owner, name: str) -> bool:
    """Delete one secret of `owner` in the open transaction of its tenant; whether there was one."""
    return bool(await fetch_all(connection, "secret", "forget_one", {**owner.parameters(), "name": name}))


async def prove_master_key(url: str, master_key: str | None) -> None:
    """`Secrets.prove` for a process that is about to start, on a connection of its own.

    A database that is away is no reason: without it no secret can be opened either.
    """
    secrets = Secrets.from_setting(master_key)
    with suppress(DatabaseUnavailable):
        async with Database(url, "par_worker", PoolOptions(1, 2.5, "par-start")) as database:
            await secrets.prove(database)


async def reseal_all(url: str, master_key: str) -> int:
    """Seal every secret of the database at `url` with the first of the keys; how many had another."""
    async with (
        Database(url, "par_worker", PoolOptions(1, 10.0, "par-rotate")) as database,
        database.transaction() as connection,
    ):
        return await Secrets.from_setting(master_key).reseal_all(connection)


async def _require_no_secrets(connection: Connection) -> None:
    found = await fetch_one(connection, "secret", "any")
    if found and found["found"]:
        raise StartFailed("this database holds secrets: set PAR_MASTER_KEY to the key that they were sealed with")


def _place(owner: Owner, name: str, version: int) -> Place:
    return Place(owner.tenant_id, "secrets", f"{owner.kind} {owner.identifier}", name, version)
