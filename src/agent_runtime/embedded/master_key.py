"""The master key of a system with an embedded database: made once, kept in its data folder."""

import asyncio

from agent_runtime.config import Settings
from agent_runtime.embedded.files import read_text, sync_folder, write_private
from agent_runtime.embedded.layout import Layout


def master_key(settings: Settings, layout: Layout) -> str | None:
    """The key that is set; else the kept one of an embedded database, made when there is none yet.

    Several systems may share a database of their own, so none of them makes a key for it: that one must be set.
    """
    if settings.master_key is not None or settings.database_url is not None:
        return settings.master_key
    return read_text(layout.master_key).strip() or _make(layout)


def require_own_key(settings: Settings, layout: Layout, url: str) -> None:
    """Refuse to start with a master key that is not the one of the database. Raises StartFailed."""
    from agent_runtime.store.secret import prove_master_key

    asyncio.run(prove_master_key(url, master_key(settings, layout)))


def rotate(settings: Settings, layout: Layout, url: str) -> int:
    """Seal every secret anew; how many were. A kept key is replaced by a new one, a set one must name both.

    Both keys are kept until all secrets are sealed with the new one, so that a crash in between loses nothing.
    """
    from agent_runtime.secret_box import new_master_key
    from agent_runtime.store.secret import reseal_all

    kept = master_key(settings, layout) or ""
    if settings.master_key is not None or settings.database_url is not None:
        return asyncio.run(reseal_all(url, kept))
    both = f"{new_master_key()},{kept}"
    write_private(layout.master_key, both)
    changed = asyncio.run(reseal_all(url, both))
    write_private(layout.master_key, both.partition(",")[0])
    return changed


def _make(layout: Layout) -> str:
    from agent_runtime.secret_box import new_master_key

    layout.root.mkdir(parents=True, exist_ok=True)
    made = new_master_key()
    write_private(layout.master_key, made)
    sync_folder(layout.root)
    return made
