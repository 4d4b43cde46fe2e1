"""The OpenAPI description, with the problems every route may answer with."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import ProblemBody

_UNUSED = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> dict[str, Any]:
    """Make the description, once for an application."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        openapi_version=app.openapi_version,
    )
    schemas: dict[str, Any] = schema["components"]["schemas"]
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = {**problem, "title": "Problem"}
    for name in _UNUSED:
        schemas.pop(name, None)
    schema["components"]["schemas"] = dict(sorted(schemas.items()))
    app.openapi_schema = schema
    return schema
