"""Who has had a trial: once a person, also with a new account under the same address."""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import text

from api.billing.books import Books
from stores.tables import User


def _digest(books: Books, email: str) -> bytes:
    return hmac.new(books.vault.derive("trial-use"), email.strip().lower().encode(), hashlib.sha256).digest()


def may_try(books: Books, user: User) -> bool:
    """Whether a person has a trial to have. The person must be locked."""
    found = books.session.connection().execute(
        text("SELECT 1 FROM serving.trial_uses WHERE email_digest = :digest OR user_id = :user LIMIT 1"),
        {"digest": _digest(books, user.email), "user": user.user_id},
    )
    return found.one_or_none() is None


def use_trial(books: Books, user_id: str) -> None:
    """Remember that a person has had his trial."""
    user = books.session.get(User, user_id)
    if user is None:
        return
    books.session.connection().execute(
        text(
            "INSERT INTO serving.trial_uses (email_digest, user_id, used_at) VALUES (:digest, :user, :now) "
            "ON CONFLICT DO NOTHING"
        ),
        {"digest": _digest(books, user.email), "user": user_id, "now": books.now},
    )
