"""API keys, for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from sqlmodel import Session
from starlette.responses import Response

from api.audit import Actor, record
from api.dependencies import ContextDependency
from api.problems import documented, invalid
from api.replies import json_reply
from api.schemas import Page
from api.security.access import interactive
from api.security.principal import PrincipalDependency
from api.users import keys
from api.users.key_schemas import ApiKeyChanges, ApiKeyMade, ApiKeyRotation, ApiKeySettings, ApiKeyShown
from api.writes import Made, WriteDependency

router = APIRouter(prefix="/v1/api-keys", tags=["users"])

_ALWAYS = ("unauthenticated", "forbidden", "invalid-parameters", "internal-error", "store-unavailable")
_OF_ONE = documented("not-found", *_ALWAYS)
KeyId = Annotated[UUID, Path(description="`key_id` of the key.")]


@router.get(
    "",
    dependencies=[interactive()],
    operation_id="listApiKeys",
    response_model=Page[ApiKeyShown],
    summary="API keys",
    responses=documented(*_ALWAYS),
)
async def list_api_keys(context: ContextDependency, who: PrincipalDependency) -> Response:
    """List your keys, newest first, with when and from where each was used last."""
    now = context.clock()
    found = await context.stores.in_session(lambda session: keys.read_all(session, who.person, now))
    return json_reply({"items": found, "next_cursor": None})


@router.post(
    "",
    dependencies=[interactive()],
    operation_id="createApiKey",
    status_code=201,
    response_model=ApiKeyMade,
    summary="Make an API key",
    responses=documented("plan-limit", "idempotency-conflict", *_ALWAYS),
)
async def create_api_key(
    request: Request, context: ContextDependency, who: PrincipalDependency, write: WriteDependency, body: ApiKeySettings
) -> Response:
    """Make a key for a program. The answer is the only one that holds it."""
    now = context.clock()
    if body.expires_at is not None and body.expires_at <= now:
        raise invalid("expires_at", "is in the past")
    settings = keys.KeySettings(body.name, body.scopes, body.allowed_networks, body.expires_at)

    def work(session: Session) -> Made:
        made = keys.create(session, who.person, settings, who.entitlements.api_keys, now)
        _audit(session, request, who, "api_key.made", made, now_of=context)
        return Made(201, made, {"Location": f"/v1/api-keys/{made['key_id']}"})

    return await write(work)


@router.get(
    "/{key_id}",
    dependencies=[interactive()],
    operation_id="getApiKey",
    response_model=ApiKeyShown,
    summary="One API key",
    responses=_OF_ONE,
)
async def get_api_key(context: ContextDependency, who: PrincipalDependency, key_id: KeyId) -> Response:
    """Show one key, without its secret."""
    now = context.clock()
    return json_reply(await context.stores.in_session(lambda session: keys.read(session, who.person, str(key_id), now)))


@router.patch(
    "/{key_id}",
    dependencies=[interactive()],
    operation_id="updateApiKey",
    response_model=ApiKeyShown,
    summary="Change an API key",
    responses=_OF_ONE,
)
async def update_api_key(
    request: Request, context: ContextDependency, who: PrincipalDependency, key_id: KeyId, body: ApiKeyChanges
) -> Response:
    """Change the name, or the networks a key may be used from. Scopes stay: make another key for those."""

    def work(session: Session) -> dict[str, object]:
        changes = body.model_dump(include=body.model_fields_set)
        changed = keys.update(session, who.person, str(key_id), changes, context.clock())
        _audit(session, request, who, "api_key.changed", changed, now_of=context)
        return changed

    return json_reply(await context.stores.in_session(work))


@router.delete(
    "/{key_id}",
    dependencies=[interactive()],
    operation_id="deleteApiKey",
    status_code=204,
    summary="Revoke an API key",
    responses=_OF_ONE,
)
async def delete_api_key(
    request: Request, context: ContextDependency, who: PrincipalDependency, key_id: KeyId
) -> Response:
    """End a key at once. It stays in the list, as revoked."""

    def work(session: Session) -> None:
        if keys.revoke(session, who.person, str(key_id), context.clock()):
            _audit(session, request, who, "api_key.revoked", {"key_id": str(key_id)}, now_of=context)

    await context.stores.in_session(work)
    return Response(status_code=204)


@router.post(
    "/{key_id}/rotate",
    dependencies=[interactive()],
    operation_id="rotateApiKey",
    status_code=201,
    response_model=ApiKeyMade,
    summary="Rotate an API key",
    responses=documented("not-found", "conflict", "idempotency-conflict", *_ALWAYS),
)
async def rotate_api_key(
    request: Request,
    context: ContextDependency,
    who: PrincipalDependency,
    write: WriteDependency,
    key_id: KeyId,
    body: ApiKeyRotation,
) -> Response:
    """Make a successor with the same rights; the old key stays good for some hours, so that nothing stands still."""

    def work(session: Session) -> Made:
        overlap = timedelta(hours=body.overlap_hours)
        made = keys.rotate(session, who.person, str(key_id), overlap, context.clock())
        _audit(session, request, who, "api_key.rotated", {**made, "of": str(key_id)}, now_of=context)
        return Made(201, made, {"Location": f"/v1/api-keys/{made['key_id']}"})

    return await write(work)


def _audit(
    session: Session,
    request: Request,
    who: PrincipalDependency,
    action: str,
    key: dict[str, object],
    *,
    now_of: ContextDependency,
) -> None:
    # Not the name: what somebody wrote freely could not be taken out of the log when he leaves.
    told = {name: key[name] for name in ("prefix", "scopes", "allowed_networks", "of") if name in key}
    target = f"api_key:{key['key_id']}"
    record(session, Actor.of(who, request), action, target=target, now=now_of.clock(), details=told)
