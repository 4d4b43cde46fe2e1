"""The queue of backtests as a runner sees it. A runner that dies loses its backtest to the next one after a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from stores import database

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from deploy.backtests.documents import Findings

LEASE_S = 20
"""Seconds after which a runner that says nothing is taken for dead."""
_MOST_ATTEMPTS = 2

_CLAIM = text(
    """
UPDATE serving.backtests AS b SET status = 'running', claimed_by = :runner, attempts = b.attempts + 1,
    claimed_until = now() + make_interval(secs => :lease), started_at = coalesce(b.started_at, now()),
    stage = NULL, done = 0, total = NULL
WHERE b.backtest_id = (
    SELECT backtest_id FROM serving.backtests
    WHERE status = 'queued' OR (status = 'running' AND claimed_until < now())
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING b.backtest_id::text, b.user_id::text, b.kind, b.request, b.known_before, b.attempts
"""
)
_MINE = "backtest_id = :id AND claimed_by = :runner AND status = 'running' AND attempts = :attempt"


@dataclass(frozen=True)
class Claim:
    """A backtest that a runner has.

    Attributes
    ----------
    backtest_id, kind : str
    request : mapping
    known_before : datetime
    attempt : int
    """

    backtest_id: str
    kind: str
    request: Mapping[str, Any]
    known_before: datetime
    attempt: int


class BacktestQueue:
    """What waits, and what this runner has of it.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    runner : str
        A name that no other runner has.
    """

    def __init__(self, engine: Engine, runner: str) -> None:
        self._engine = engine
        self._runner = runner

    def claim(self) -> Claim | None:
        """Take the oldest one that waits, or whose runner is dead; None if there is none.

        One that ended its runner as often as it was begun is given up.
        """
        while True:
            with database.session(self._engine) as session:
                row = session.connection().execute(_CLAIM, {"runner": self._runner, "lease": LEASE_S}).one_or_none()
            if row is None:
                return None
            claim = Claim(row.backtest_id, row.kind, row.request, row.known_before, row.attempts)
            if claim.attempt <= _MOST_ATTEMPTS:
                return claim
            self.fail(claim, "it ended the program that ran it each time; ask for fewer bars or parameter sets")

    def alive(self, claim: Claim) -> bool:
        """Say that it is still being run. Returns whether it is still this runner's: it may have been given up."""
        return self._change(
            claim,
            "claimed_until = now() + make_interval(secs => :lease)",
            {"lease": LEASE_S},
        )

    def progress(self, claim: Claim, stage: str | None, done: int, total: int | None) -> bool:
        """Say how far it is. Returns whether it is still this runner's."""
        return self._change(
            claim, "stage = :stage, done = :done, total = :total", {"stage": stage, "done": done, "total": total}
        )

    def finish(self, claim: Claim, findings: Findings) -> bool:
        """Store what was found, all of it or nothing. Returns whether it was still wanted."""
        with database.session(self._engine) as session:
            connection = session.connection()
            changed = connection.execute(
                text(
                    "UPDATE serving.backtests SET status = 'done', ended_at = now(), stage = NULL, claimed_until = NULL, "
                    f"summary = CAST(:summary AS jsonb) WHERE {_MINE}"
                ),
                {**self._which(claim), "summary": json.dumps(findings.summary, allow_nan=False, default=str)},
            )
            if not changed.rowcount:
                return False
            for document in findings.documents:
                connection.execute(
                    text(
                        "INSERT INTO serving.backtest_documents (backtest_id, name, media_type, body) "
                        "VALUES (:id, :name, :media_type, :body)"
                    ),
                    {
                        "id": claim.backtest_id,
                        "name": document.name,
                        "media_type": document.media_type,
                        "body": document.body,
                    },
                )
        return True

    def fail(self, claim: Claim, why: str) -> bool:
        """Give it up, and say why."""
        return self._change(
            claim,
            "status = 'failed', ended_at = now(), stage = NULL, claimed_until = NULL, failure = :why",
            {"why": why[:2_000].replace("\x00", "")},
        )

    def release(self, claim: Claim) -> bool:
        """Put it back, as if it had not been begun: this runner is told to stop."""
        return self._change(
            claim,
            "status = 'queued', attempts = attempts - 1, claimed_by = NULL, claimed_until = NULL, stage = NULL",
            {},
        )

    def tell(self, catalogue: Mapping[str, Any]) -> None:
        """Say what can be backtested."""
        with database.session(self._engine) as session:
            for name, body in catalogue.items():
                session.connection().execute(
                    text(
                        "INSERT INTO serving.backtest_catalogue (name, body, updated_at) "
                        "VALUES (:name, CAST(:body AS jsonb), now()) ON CONFLICT (name) DO UPDATE SET "
                        "body = excluded.body, updated_at = excluded.updated_at"
                    ),
                    {"name": name, "body": json.dumps(body, allow_nan=False)},
                )

    def _change(self, claim: Claim, assignments: str, values: Mapping[str, Any]) -> bool:
        with database.session(self._engine) as session:
            changed = session.connection().execute(
                text(f"UPDATE serving.backtests SET {assignments} WHERE {_MINE}"), {**self._which(claim), **values}
            )
            return bool(changed.rowcount)

    def _which(self, claim: Claim) -> dict[str, Any]:
        return {"id": claim.backtest_id, "runner": self._runner, "attempt": claim.attempt}
