"""The OpenAPI document: written from the routes, kept at the repository's root, served at `/openapi.json`.

`python -m agent_runtime.api.openapi` writes the file, with `--check` it only says whether the file is up to date.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from agent_runtime import __version__
from agent_runtime.api.schemas.answers import ProblemDocument

_REF = "#/components/schemas/{model}"
_BODIES: dict[str, type[BaseModel]] = {}
_PROBLEMS = {
    "400": "not JSON, or a rule between fields",
    "401": "no key or token, or a wrong one",
    "403": "a scope is missing; foreign host or origin",
    "404": "nothing of that id",
    "409": "the state does not allow it",
    "413": "too large",
    "415": "not JSON by its content type",
    "422": "a field is wrong",
    "429": "too much at once; Retry-After says when to come back",
    "503": "the database is away; Retry-After says when to come back",
}
_READ_PROBLEMS = ("401", "403", "404", "422", "429", "503")


def describe(
    shape: type[BaseModel] | None,
    *,
    body: type[BaseModel] | None = None,
    status: int = 200,
    keyed: bool = False,
    media_type: str = "application/json",
    scope: str | None = None,
    operator_only: bool = False,
    files: bool = False,
) -> dict[str, Any]:
    """Keyword arguments of a route: what it takes and answers, and the scope it asks for.

    A GET asks for `read` unless said. `operator_only` is for what changes something that all tenants share.
    """
    extra: dict[str, Any] = {"x-scope": scope} if scope else {}
    if operator_only:
        extra["x-operator-only"] = True
    if body is not None:
        _BODIES[body.__name__] = body
        schema = {"$ref": _REF.format(model=body.__name__)}
        required = any(field.is_required() for field in body.model_fields.values())
        extra["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
        if files:
            extra["requestBody"]["content"]["multipart/form-data"] = {"schema": _with_files(schema)}
    if keyed:
        text = "The same key with the same body answers the first answer again; kept for 24 hours."
        key_schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        extra["parameters"] = [
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": key_schema, "description": text}
        ]
    return {
        "status_code": status,
        "response_model": None,
        "responses": {status: _success(shape, media_type)},
        "openapi_extra": extra,
    }


def _with_files(schema: dict[str, Any]) -> dict[str, Any]:
    """The same body as one part of a form, beside files."""
    file = {"type": "string", "format": "binary"}
    parts = {"task_request": schema, "files": {"type": "array", "items": file}}
    return {"type": "object", "properties": parts, "required": ["task_request"]}


def _success(shape: type[BaseModel] | None, media_type: str) -> dict[str, Any]:
    if shape is None:
        return {"description": "Done"} if media_type == "application/json" else _text(media_type)
    _BODIES[shape.__name__] = shape
    return {"description": "Done", "content": {media_type: {"schema": {"$ref": _REF.format(model=shape.__name__)}}}}


def _text(media_type: str) -> dict[str, Any]:
    return {"description": "Done", "content": {media_type: {"schema": {"type": "string"}}}}


def build(app: FastAPI) -> dict[str, Any]:
    """The document of an application."""
    document = get_openapi(
        title="Persistent Agent Runtime",
        version=__version__,
        description="Submits tasks to agents, follows them, and answers for what they did and cost.",
        routes=app.routes,
    )
    models = [(model, "validation") for model in (*_BODIES.values(), ProblemDocument)]
    _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    document.setdefault("components", {})["schemas"] = dict(sorted(definitions["$defs"].items()))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _finish(path, method, operation)
    return document


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    """Problems instead of FastAPI's own error shape, and one body per success status."""
    responses = operation["responses"]
    responses.pop("422", None)
    writes = method in ("post", "put", "patch")
    for status, text in _PROBLEMS.items():
        if writes or status in _READ_PROBLEMS:
            responses[status] = _problem(text)
    for status, response in responses.items():
        if status.startswith("2") and "text/html" not in str(operation.get("x-media", "")):
            response.setdefault("description", "Done")
    operation["operationId"] = operation["operationId"].removesuffix(f"_{method}")


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=ProblemDocument.__name__)}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}


def written(document: Mapping[str, Any]) -> str:
    """The text of the file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the file; the exit code says whether all is well."""
    from agent_runtime.api.app import create_app
    from agent_runtime.config import load

    text = written(build(create_app(load({"PAR_ENV_FILE": "", "PAR_DEV_CONTROLS": "on"}))))
    path = Path("openapi.json")
    if "--check" not in arguments:
        path.write_text(text, encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("openapi.json is not up to date: run `python -m agent_runtime.api.openapi`\n")
    return 1


if __name__ == "__main__":
    # The routes describe themselves to the imported module, of which this one is a second copy.
    from agent_runtime.api.openapi import main as imported_main

    sys.exit(imported_main(sys.argv[1:]))
