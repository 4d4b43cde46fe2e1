"""API keys of people's programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class ApiKey(SQLModel, table=True):
    """A key; what it opens is shown once, when it is made.

    Attributes
    ----------
    key_id, user_id : str
    name : str
        For the owner to recognize it.
    prefix : str
        First characters of the key, unique; for recognition and for finding it.
    digest : bytes
        SHA-256 of the whole key, which has 256 random bits: nothing slower is needed.
    scopes : list of str
    allowed_networks : list of str
        Addresses it may be used from; empty for all.
    created_at : datetime
    expires_at : datetime, optional
        None for a key without an end.
    revoked_at : datetime, optional
    retires_at : datetime, optional
        End of the time in which it is good beside its successor.
    successor_id : str, optional
        Key that was made of it by rotation.
    last_used_at : datetime, optional
    last_used_address : str, optional
        Both at most a minute behind.
    """

    __tablename__: ClassVar[Any] = "api_keys"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("prefix", name="api_keys_prefix_key"),
        Index("api_keys_user", "user_id", "created_at"),
        {"schema": "serving"},
    )

    key_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"))
    name: str = column(Text)
    prefix: str = column(Text)
    digest: bytes = column(LargeBinary)
    scopes: list[str] = column(ARRAY(Text))
    allowed_networks: list[str] = column(ARRAY(Text), server_default=text("'{}'::text[]"))
    created_at: datetime = column(TIME)
    expires_at: datetime | None = column(TIME, nullable=True)
    revoked_at: datetime | None = column(TIME, nullable=True)
    retires_at: datetime | None = column(TIME, nullable=True)
    successor_id: str | None = column(
        IDENTIFIER, ForeignKey("serving.api_keys.key_id", ondelete="SET NULL"), nullable=True
    )
    last_used_at: datetime | None = column(TIME, nullable=True)
    last_used_address: str | None = column(Text, nullable=True)
