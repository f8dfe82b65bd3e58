"""Hints between processes over LISTEN and NOTIFY. Nothing depends on them: a lost hint costs a poll interval."""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection, sql

from agent_runtime.store.database import Role, connection_options

WORK = "par_work"
STOP = "par_stop"
_RECONNECT_SECONDS = 1.0
_log = structlog.get_logger("store.notification")


async def listen(url: str, role: Role, name: str, hear: Mapping[str, Any]) -> None:
    """Call `hear[channel](payload)` for each hint, for ever, over reconnects. Ends only when cancelled."""
    while True:
        try:
            await _listen_once(url, role, name, hear)
        except psycopg.Error as error:
            _log.debug("listener_reconnects", error=str(error).strip())
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _listen_once(url: str, role: Role, name: str, hear: Mapping[str, Any]) -> None:
    connection = await AsyncConnection.connect(url, **connection_options(role, name))
    async with connection:
        for channel in hear:
            await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        async for notification in connection.notifies():
            hear[notification.channel](notification.payload)
