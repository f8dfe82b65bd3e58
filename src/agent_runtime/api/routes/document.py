"""The OpenAPI document and a page that shows it; both come from this process alone."""

from functools import cache
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.json_text import to_json
from agent_runtime.api.openapi import build

router = APIRouter(include_in_schema=False)
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2024}"
    "summary{cursor:pointer;padding:.3rem 0}code{font:13px ui-monospace,monospace}b{display:inline-block;width:4rem}"
    "pre{background:#f4f5f7;padding:.7rem;overflow:auto}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@cache
def _document(app: FastAPI) -> dict[str, Any]:
    return build(app)


@router.get("/openapi.json")
async def get_document(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(to_json(_document(request.app)), media_type="application/json")


@router.get("/docs")
async def get_page(request: Request) -> Response:
    """All paths on one page, without a script."""
    page = _page(_document(request.app))
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


def _page(document: dict[str, Any]) -> str:
    operations = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    title = escape(document["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title} {escape(document['info']['version'])}</h1><p>{escape(document['info']['description'])} "
        f'The whole contract: <a href="/openapi.json">openapi.json</a>.</p>{"".join(operations)}</html>'
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    text = escape(operation.get("description") or operation.get("summary", ""))
    takes = "".join(
        f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}) {escape(each.get('description', ''))}</li>"
        for each in operation.get("parameters", ())
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    named = f"<p>Body: <code>{escape(body['$ref'].rpartition('/')[2])}</code></p>" if body else ""
    heading = f"<summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
    return f"<details>{heading}<p>{text}</p>{named}<ul>{takes}</ul></details>"
