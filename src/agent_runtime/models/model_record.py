"""One row of the model registry, as the catalog and discovery produce it."""

from __future__ import annotations

from dataclasses import dataclass

from agent_runtime.domain.price import Price


@dataclass(frozen=True)
class ModelRecord:
    """A model as the registry knows it.

    Prices are microdollars per million tokens, None where unknown (never 0 for unknown). `context_window` counts the
    input tokens that the model accepts. `price_source` is `catalog`, `manual` or `unknown`.
    """

    provider: str
    model_id: str
    display_name: str
    is_active: bool = True
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_price: int | None = None
    output_price: int | None = None
    cache_read_price: int | None = None
    cache_write_price: int | None = None
    price_source: str = "unknown"

    @property
    def price(self) -> Price:
        """The four prices as the cost functions take them."""
        return Price(self.input_price, self.output_price, self.cache_read_price, self.cache_write_price)
