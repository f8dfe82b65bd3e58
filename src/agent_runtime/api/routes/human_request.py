"""What waits for people. Nothing does yet: no agent of this version can ask."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.schemas.answers import AnyPage
from agent_runtime.api.schemas.lists import HumanRequestQuery

router = APIRouter(tags=["human requests"])


@router.get("/v1/human-requests", **describe(AnyPage))
async def list_human_requests(query: Annotated[HumanRequestQuery, Query()]) -> Response:
    """Open questions and approvals, newest first."""
    listing = Listing("human_requests", {"created_at": "time", "request_id": "uuid"}, query.filters())
    listing.after(query.cursor)
    return answer(listing.page([], query.limit))
