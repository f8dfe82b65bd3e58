"""A tool that does nothing for a while, so that crashes, cancels and takeovers can be tried at leisure."""

import asyncio


async def dev_sleep(seconds: float) -> str:
    """Wait `seconds` and say so."""
    await asyncio.sleep(seconds)
    return f"slept {seconds:g} seconds"
