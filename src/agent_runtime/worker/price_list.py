"""What models cost, read from the registry and kept for a short while, so that an edited price counts soon."""

import asyncio
import time
from dataclasses import dataclass

from agent_runtime.domain.price import Price
from agent_runtime.store import lease as lease_store
from agent_runtime.store.database import Database

_KEPT_SECONDS = 15.0


@dataclass(frozen=True)
class ModelFacts:
    """Price (None: unknown) and the most tokens that a reply may have."""

    price: Price | None
    max_output_tokens: int | None


class PriceList:
    """Asks the registry at most every 15 seconds for each model."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], tuple[float, ModelFacts]] = {}
        self._reading = asyncio.Lock()

    async def of(self, provider: str, model_id: str) -> ModelFacts:
        """The facts of one model."""
        key = (provider, model_id)
        if (known := self._fresh(key)) is not None:
            return known
        # One asks for all: a hundred attempts begin at the same instant.
        async with self._reading:
            if (known := self._fresh(key)) is not None:
                return known
            facts = await self._read(provider, model_id)
            self._known[key] = (time.monotonic(), facts)
            return facts

    def _fresh(self, key: tuple[str, str]) -> ModelFacts | None:
        known = self._known.get(key)
        return known[1] if known is not None and time.monotonic() - known[0] < _KEPT_SECONDS else None

    async def _read(self, provider: str, model_id: str) -> ModelFacts:
        row = await lease_store.model(self._database, provider, model_id)
        if row is None:
            return ModelFacts(None, None)
        names = ("input_price", "output_price", "cache_read_price", "cache_write_price")
        price = Price(*(row[name] for name in names))
        known = price.input_price is not None and price.output_price is not None
        return ModelFacts(price if known else None, row["max_output_tokens"])
