"""A system that others can reach asks for keys; commands on its own machine are the operator's without one."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from agent_runtime.config import Settings
from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded.layout import layout_of
from agent_runtime.embedded.operator_key import kept_operator_key, operator_key, require_access
from agent_runtime.store.database import Database
from tests.api.access import make_key


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, host="0.0.0.0")


async def test_a_start_where_others_reach_it_wants_a_key_to_exist(settings: Settings, database_url: str) -> None:
    with pytest.raises(StartFailed, match="there is no API key yet"):
        require_access(settings, database_url)
    require_access(replace(settings, host="127.0.0.1"), database_url)
    require_access(replace(settings, auth="required"), database_url)
    require_access(replace(settings, operator_key="o" * 32), database_url)
    async with Database(database_url, "par_api") as database:
        await make_key(database, roles=["admin"])
    require_access(settings, database_url)


def test_the_operators_credential_is_made_once_and_private(settings: Settings) -> None:
    layout = layout_of(settings)
    layout.prepare()
    assert kept_operator_key(settings, layout) is None
    made = operator_key(settings, layout)
    assert operator_key(settings, layout) == kept_operator_key(settings, layout) == made
    assert stat.S_IMODE(layout.operator_key.stat().st_mode) == 0o600
    assert operator_key(replace(settings, operator_key="o" * 32), layout) == "o" * 32
