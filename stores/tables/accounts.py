"""What signing in needs: refresh tokens, second factors, tokens sent by mail, and counts of wrong guesses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, Text
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class RefreshToken(SQLModel, table=True):
    """A token that continues a session; used once, for a token that follows it. The tokens of a session are its family.

    Attributes
    ----------
    token_digest : bytes
        SHA-256 of the token, which itself is kept nowhere.
    session_id : str
    created_at, expires_at : datetime
    used_at : datetime, optional
    used_by : str, optional
        Address and device that used it, so that a doubled request of one client is told from a copied token.
    """

    __tablename__: ClassVar[Any] = "refresh_tokens"
    __table_args__: ClassVar[Any] = (Index("refresh_tokens_session", "session_id"), {"schema": "serving"})

    token_digest: bytes = column(LargeBinary, primary_key=True)
    session_id: str = column(IDENTIFIER, ForeignKey("serving.sessions.session_id", ondelete="CASCADE"))
    created_at: datetime = column(TIME)
    expires_at: datetime = column(TIME)
    used_at: datetime | None = column(TIME, nullable=True)
    used_by: str | None = column(Text, nullable=True)


class OneTimeToken(SQLModel, table=True):
    """Proof that is good once and for a time: of a mailbox, or of a password already shown.

    Attributes
    ----------
    token_digest : bytes
        SHA-256 of the token.
    purpose : str
    user_id : str
    value : str, optional
        What the token brings into force, such as the hash of the password chosen at the registration.
    created_at, expires_at : datetime
    """

    __tablename__: ClassVar[Any] = "one_time_tokens"
    __table_args__: ClassVar[Any] = (
        Index("one_time_tokens_user", "user_id", "purpose"),
        Index("one_time_tokens_expires", "expires_at"),
        {"schema": "serving"},
    )

    token_digest: bytes = column(LargeBinary, primary_key=True)
    purpose: str = column(Text)
    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"))
    value: str | None = column(Text, nullable=True)
    created_at: datetime = column(TIME)
    expires_at: datetime = column(TIME)


class SecondFactor(SQLModel, table=True):
    """The authenticator app of a person (RFC 6238).

    Attributes
    ----------
    user_id : str
    secret : bytes
        Sealed.
    created_at : datetime
    confirmed_at : datetime, optional
        It is asked for from then on.
    last_step : int, optional
        Time step of the newest code that was accepted; that and older ones are not accepted again.
    """

    __tablename__: ClassVar[Any] = "second_factors"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"), primary_key=True)
    secret: bytes = column(LargeBinary)
    created_at: datetime = column(TIME)
    confirmed_at: datetime | None = column(TIME, nullable=True)
    last_step: int | None = column(BigInteger, nullable=True)


class RecoveryCode(SQLModel, table=True):
    """Stands in once for the authenticator app.

    Attributes
    ----------
    user_id : str
    code_digest : bytes
        SHA-256; a code has 120 random bits.
    used_at : datetime, optional
    """

    __tablename__: ClassVar[Any] = "recovery_codes"
    __table_args__: ClassVar[Any] = ({"schema": "serving"},)

    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"), primary_key=True)
    code_digest: bytes = column(LargeBinary, primary_key=True)
    used_at: datetime | None = column(TIME, nullable=True)


class GuessCount(SQLModel, table=True):
    """How often somebody was wrong in a row about one account, or from one address.

    Attributes
    ----------
    subject : bytes
        Keyed digest of the account or address: what people type into the sign-in is not kept.
    failures : int
    since : datetime
        Counted tries are forgiven one by one from then on.
    blocked_until : datetime
    """

    __tablename__: ClassVar[Any] = "guess_counts"
    __table_args__: ClassVar[Any] = (Index("guess_counts_since", "since"), {"schema": "serving"})

    subject: bytes = column(LargeBinary, primary_key=True)
    failures: int = column(Integer)
    since: datetime = column(TIME)
    blocked_until: datetime = column(TIME)
