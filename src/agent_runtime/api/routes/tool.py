"""The built-in tools."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.runtime import runtime_of
from agent_runtime.api.schemas.answers import AnyPage
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.tools.catalog import TOOLS

router = APIRouter(tags=["tools"])


@router.get("/v1/tools", **describe(AnyPage))
async def list_tools(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """Name, description and arguments of each tool that an agent may be given."""
    listing = Listing("tools", {"name": "text"})
    after = listing.after(query.cursor) or ("",)
    with_developer_tools = runtime_of(request).settings.dev_controls
    rows = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": tool.schema(),
            "safe_to_repeat": tool.safe_to_repeat,
        }
        for tool in sorted(TOOLS.values(), key=lambda each: each.name)
        if tool.name > after[0] and (with_developer_tools or not tool.developer_only)
    ]
    return answer(listing.page(rows[: query.limit + 1], query.limit))
