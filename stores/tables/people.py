"""People and the sessions they are signed in by."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, Text, false, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class UserStatus(StrEnum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    LOCKED = "locked"
    DELETED = "deleted"


class User(SQLModel, table=True):
    """A person with an account.

    Attributes
    ----------
    user_id : str
        Random UUID.
    email : str
        As given; unique without regard to case.
    password_hash : str, optional
        Argon2id with its parameters; none until a password is set.
    role : str
        ``user`` or ``admin``.
    status : str
        A `UserStatus`.
    email_verified_at : datetime, optional
    display_name : str, optional
    time_zone : str
        IANA name.
    locale : str
        BCP 47 tag.
    preferences : dict
        What the dashboard remembers.
    version : int
        Grows with every change of the profile.
    created_at : datetime
    """

    __tablename__: ClassVar[Any] = "users"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("role IN ('user', 'admin')", name="users_role"),
        CheckConstraint("status IN ('active', 'locked', 'deleted')", name="users_status"),
        Index("users_email", func.lower(text("email")), unique=True),
        {"schema": "serving"},
    )

    user_id: str = column(IDENTIFIER, primary_key=True)
    email: str = column(Text)
    password_hash: str | None = column(Text, nullable=True)
    role: str = column(Text, server_default="user")
    status: str = column(Text, server_default="active")
    email_verified_at: datetime | None = column(TIME, nullable=True)
    display_name: str | None = column(Text, nullable=True)
    time_zone: str = column(Text, server_default="UTC")
    locale: str = column(Text, server_default="en")
    preferences: dict[str, Any] = column(JSONB, server_default=text("'{}'::jsonb"))
    version: int = column(Integer, server_default="1")
    created_at: datetime = column(TIME)


class UserSession(SQLModel, table=True):
    """One sign-in of a person on one device.

    Attributes
    ----------
    session_id, user_id : str
    created_at, last_seen_at, expires_at : datetime
    revoked_at : datetime, optional
        Set by a logout, by an administrator, or because a refresh token was used twice.
    second_factor : bool
        Whether a second factor was shown for it.
    impersonator_id : str, optional
        Administrator who looks through the person's eyes by it; such a session may only read.
    device, address : str
        Of the sign-in, for the person to recognize it.
    """

    __tablename__: ClassVar[Any] = "sessions"
    __table_args__: ClassVar[Any] = (Index("sessions_user", "user_id"), {"schema": "serving"})

    session_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"))
    created_at: datetime = column(TIME)
    last_seen_at: datetime = column(TIME)
    expires_at: datetime = column(TIME)
    revoked_at: datetime | None = column(TIME, nullable=True)
    second_factor: bool = column(Boolean, server_default=false())
    impersonator_id: str | None = column(
        IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"), nullable=True
    )
    device: str = column(Text, server_default="")
    address: str = column(Text, server_default="")
