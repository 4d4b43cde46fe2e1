"""The OpenAPI description, with the problems every route may answer with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.problems import MEDIA_TYPE, ProblemBody
from api.security.access import Access, AccessKind, access_of

_UNUSED = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
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
    _declare_access(schema, routers)
    app.openapi_schema = schema
    return schema


_SECURITY = {
    "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "From a sign-in."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "Or as a bearer token."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "cap_access", "description": "Of a browser."},
}
_REFUSALS = {
    "401": "No credentials came with the request, or none that are good now.",
    "403": "The caller is known and may not do this.",
}


def _declare_access(schema: dict[str, Any], routers: Sequence[APIRouter]) -> None:
    """Say of every operation who may call it."""
    schema["components"]["securitySchemes"] = _SECURITY
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                continue
            rule = access_of(route.dependencies)
            for method in route.methods or ():
                operation = schema["paths"].get(route.path, {}).get(method.lower())
                if operation is not None and rule is not None:
                    operation["x-access"] = str(rule)
                    operation["security"] = _security(rule)
                    if rule.kind not in (AccessKind.UNCHECKED, AccessKind.SIGNED):
                        for status, meaning in _REFUSALS.items():
                            operation["responses"].setdefault(status, _refusal(meaning))


def _security(rule: Access) -> list[dict[str, list[str]]]:
    if rule.kind in (AccessKind.UNCHECKED, AccessKind.SIGNED):
        return []
    by_person: list[dict[str, list[str]]] = [{"accessToken": []}, {"cookie": []}]
    by_key = [] if rule.kind in (AccessKind.INTERACTIVE, AccessKind.ADMINISTRATOR) else [{"apiKey": []}]
    return [*by_person, *by_key, *([{}] if rule.kind is AccessKind.PUBLIC else [])]


def _refusal(meaning: str) -> dict[str, Any]:
    return {"description": meaning, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
