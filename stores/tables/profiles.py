"""What people keep: watchlists, and a deletion they asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import SQLModel

from stores.tables.columns import IDENTIFIER, TIME, column


class Watchlist(SQLModel, table=True):
    """A named list of markets in the order its owner wants.

    Attributes
    ----------
    watchlist_id, user_id : str
    name : str
    markets : list of str
        Such as ``binance:BTCUSDT``; each once.
    version : int
        Grows with every change.
    created_at : datetime
    """

    __tablename__: ClassVar[Any] = "watchlists"
    __table_args__: ClassVar[Any] = (Index("watchlists_user", "user_id", "created_at"), {"schema": "serving"})

    watchlist_id: str = column(IDENTIFIER, primary_key=True)
    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"))
    name: str = column(Text)
    markets: list[str] = column(ARRAY(Text))
    version: int = column(Integer, server_default="1")
    created_at: datetime = column(TIME)


class AccountDeletion(SQLModel, table=True):
    """A person's wish to be forgotten; the row goes with the account.

    Attributes
    ----------
    user_id : str
    requested_at : datetime
    due_at : datetime
        The account is deleted then; until then its owner can change his mind.
    """

    __tablename__: ClassVar[Any] = "account_deletions"
    __table_args__: ClassVar[Any] = (Index("account_deletions_due", "due_at"), {"schema": "serving"})

    user_id: str = column(IDENTIFIER, ForeignKey("serving.users.user_id", ondelete="CASCADE"), primary_key=True)
    requested_at: datetime = column(TIME)
    due_at: datetime = column(TIME)
