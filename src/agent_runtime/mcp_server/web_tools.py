"""The built-in tools that need no task: search, read, calculate."""

from typing import Annotated, Any

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from pydantic import Field

from agent_runtime.safe_http import SafeClient
from agent_runtime.tools.calculator import MAX_EXPRESSION_LENGTH, calculate
from agent_runtime.tools.catalog import TOOLS
from agent_runtime.tools.read_url import read_page
from agent_runtime.tools.web_search import WebSearch, as_text

_READS_WEB = ToolAnnotations(readOnlyHint=True, openWorldHint=True)
_PURE = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)


class WebTools:
    """Tools over one search and one client for pages."""

    def __init__(self, search: WebSearch, pages: SafeClient) -> None:
        self._search = search
        self._pages = pages

    def add_to(self, server: "FastMCP[Any]") -> None:
        """Offer them."""
        for name, function, hints in (
            ("web_search", self.web_search, _READS_WEB),
            ("read_url", self.read_url, _READS_WEB),
            ("calculator", self.calculator, _PURE),
        ):
            server.add_tool(
                function, name, description=TOOLS[name].description, annotations=hints, structured_output=False
            )

    async def web_search(
        self,
        query: Annotated[str, Field(min_length=1, max_length=500)],
        max_results: Annotated[int, Field(ge=1, le=20)] = 5,
    ) -> str:
        return as_text(await self._search.find(query, max_results))

    async def read_url(self, url: Annotated[str, Field(min_length=1, max_length=2_048)]) -> str:
        return await read_page(self._pages, url)

    async def calculator(
        self, expression: Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_LENGTH)]
    ) -> str:
        return calculate(expression)
