"""The second factor: codes of an authenticator app (RFC 6238), and codes on paper for when it is lost."""

from __future__ import annotations

import base64
import hmac
import io
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from api.accounts.one_time import digest_of
from api.problems import Problem
from api.security.vault import Vault

STEP_S = 30
RECOVERY_CODES = 10
ISSUER = "Crypto Analytics Platform"

_PURPOSE = "second-factor"
_SECRET_BYTES = 20
_RECOVERY_BYTES = 15
_TOTP = re.compile(r"\d{6}", re.ASCII)


@dataclass(frozen=True)
class Begun:
    """What an authenticator app is set up with."""

    secret: str
    uri: str
    qr_svg: str


@dataclass(frozen=True)
class Status:
    """Whether a second factor is asked for, and the paper codes left."""

    enabled: bool
    recovery_codes_left: int


def status_of(session: Session, user_id: str) -> Status:
    """Whether a person has a second factor."""
    row = (
        session.connection()
        .execute(
            text(
                "SELECT EXISTS (SELECT FROM serving.second_factors WHERE user_id = :user AND confirmed_at IS NOT NULL) "
                "AS enabled, (SELECT count(*) FROM serving.recovery_codes WHERE user_id = :user AND used_at IS NULL) "
                "AS codes"
            ),
            {"user": user_id},
        )
        .one()
    )
    return Status(row.enabled, row.codes if row.enabled else 0)


def begin(vault: Vault, session: Session, user_id: str, email: str, now: datetime) -> Begun:
    """Make a new secret; it is asked for once it is confirmed. One begun before is replaced.

    Raises
    ------
    Problem
        ``conflict`` if a second factor is in force: it has to be taken off first.
    """
    from pyotp.totp import TOTP

    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    result = session.connection().execute(
        text(
            "INSERT INTO serving.second_factors (user_id, secret, created_at) VALUES (:user, :secret, :now) "
            "ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at, "
            "last_step = NULL WHERE second_factors.confirmed_at IS NULL"
        ),
        {"user": user_id, "secret": vault.seal(secret.encode(), _PURPOSE), "now": now},
    )
    if not result.rowcount:
        raise Problem("conflict", "a second factor is in force; disable it first")
    uri = TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    return Begun(secret, uri, _qr(uri))


def confirm(
    vault: Vault, session: Session, user_id: str, session_id: str | None, code: str, now: datetime
) -> tuple[str, ...] | None:
    """Put a begun second factor in force; returns its recovery codes, or None if the code is wrong.

    Raises
    ------
    Problem
        ``conflict`` if none was begun, or it is in force already.
    """
    connection = session.connection()
    row = connection.execute(
        text("SELECT confirmed_at FROM serving.second_factors WHERE user_id = :user FOR UPDATE"), {"user": user_id}
    ).one_or_none()
    if row is None or row.confirmed_at is not None:
        raise Problem("conflict", "begin a second factor first; it is confirmed once")
    if not _accept_totp(vault, session, user_id, re.sub(r"\s", "", code), now):
        return None
    connection.execute(
        text("UPDATE serving.second_factors SET confirmed_at = :now WHERE user_id = :user"),
        {"now": now, "user": user_id},
    )
    # Whoever confirms it has just shown it.
    connection.execute(
        text("UPDATE serving.sessions SET second_factor = true WHERE session_id = CAST(:session AS uuid)"),
        {"session": session_id},
    )
    return new_recovery_codes(session, user_id)


def accept(vault: Vault, session: Session, user_id: str, code: str, now: datetime) -> bool:
    """Judge a code of the app or a recovery code, of somebody who has a second factor; neither is good twice."""
    written = re.sub(r"[\s-]", "", code)
    if _TOTP.fullmatch(written):
        return _accept_totp(vault, session, user_id, written, now)
    result = session.connection().execute(
        text(
            "UPDATE serving.recovery_codes SET used_at = :now "
            "WHERE user_id = :user AND code_digest = :digest AND used_at IS NULL"
        ),
        {"now": now, "user": user_id, "digest": digest_of(written.upper())},
    )
    return bool(result.rowcount)


def new_recovery_codes(session: Session, user_id: str) -> tuple[str, ...]:
    """Make new recovery codes; the old ones are worthless."""
    connection = session.connection()
    connection.execute(text("DELETE FROM serving.recovery_codes WHERE user_id = :user"), {"user": user_id})
    codes = [base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    connection.execute(
        text("INSERT INTO serving.recovery_codes (user_id, code_digest) VALUES (:user, :digest)"),
        [{"user": user_id, "digest": digest_of(code)} for code in codes],
    )
    return tuple("-".join(code[at : at + 6] for at in range(0, len(code), 6)) for code in codes)


def remove(session: Session, user_id: str) -> None:
    """Take the second factor off."""
    for table in ("recovery_codes", "second_factors"):
        session.connection().execute(text(f"DELETE FROM serving.{table} WHERE user_id = :user"), {"user": user_id})


def _accept_totp(vault: Vault, session: Session, user_id: str, code: str, now: datetime) -> bool:
    from pyotp.totp import TOTP

    connection = session.connection()
    row = connection.execute(
        text("SELECT secret, last_step FROM serving.second_factors WHERE user_id = :user FOR UPDATE"),
        {"user": user_id},
    ).one_or_none()
    if row is None or not _TOTP.fullmatch(code):
        return False
    generator = TOTP(vault.open(bytes(row.secret), _PURPOSE).decode())
    present = int(now.timestamp()) // STEP_S
    matching = [
        step
        for step in (present - 1, present, present + 1)
        if hmac.compare_digest(generator.generate_otp(step).encode(), code.encode())
    ]
    # One seen over a shoulder is worthless once it was used.
    fresh = [step for step in matching if row.last_step is None or step > row.last_step]
    if not fresh:
        return False
    connection.execute(
        text("UPDATE serving.second_factors SET last_step = :step WHERE user_id = :user"),
        {"step": min(fresh), "user": user_id},
    )
    return True


def _qr(uri: str) -> str:
    import segno

    written = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(written, kind="svg", scale=4, xmldecl=False, svgns=True)
    return written.getvalue().decode()
