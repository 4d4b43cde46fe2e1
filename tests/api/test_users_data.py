"""What is held about a person: given to him whole and without secrets, and gone when he leaves."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from api.users import deletion
from api.users.personal_data import HOLDINGS, AtDeletion
from deploy.local.stack import LocalStack
from stores import database, tables
from tests.api.people import give_plan
from tests.api.signing import OTHER_PASSWORD, PASSWORD, SignedIn, SignIns, sign_ins
from tests.api.test_users import ask

# They refer to nobody, or are kept by a table that does.
WITHOUT_OWNER = {
    *("published_signals", "signal_outcomes", "signal_events", "signal_takedowns", "plans", "feature_flags"),
    *("outbox", "delivery_destinations", "fan_out_cursors", "alert_cursors", "guess_counts", "billing_events"),
    *("invoice_numbers", "alert_subjects", "alert_notices", "backtest_catalogue"),
}


@pytest.fixture(scope="module")
def opened(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


def test_every_table_is_declared_and_every_declared_column_is_there() -> None:
    assert tables.SCHEMA == "serving"
    columns = {table.name: set(table.columns.keys()) for table in SQLModel.metadata.tables.values()}
    undeclared = set(columns) - set(HOLDINGS) - WITHOUT_OWNER
    assert not undeclared, f"say in api/users/personal_data.py what becomes of a person's rows in {sorted(undeclared)}"
    assert set(HOLDINGS) <= set(columns)
    for name, holding in HOLDINGS.items():
        assert set(holding.exported) <= columns[name], name
        assert bool(holding.exported) != bool(holding.left_out), name
    for name in WITHOUT_OWNER & set(columns):
        assert "user_id" not in columns[name], name


def furnish(opened: SignIns, me: SignedIn, name: str = "Canary Ada") -> dict[str, str]:
    """Leave something in every part of the account; returns the secrets that must never come out."""
    secrets = {"password": PASSWORD, "access token": me.body["access_token"], "refresh token": me.refresh_token}
    ask(opened, me, "PATCH", "users/me", {"display_name": name, "preferences": {"note": f"{name} prefers"}})
    ask(opened, me, "POST", "watchlists", {"name": f"{name} list", "markets": ["binance:BTCUSDT"]})
    key = ask(opened, me, "POST", "api-keys", {"name": f"{name} key", "scopes": ["signals:read"]})
    secrets["API key"] = key.json()["key"]
    hook = ask(opened, me, "POST", "webhooks", {"url": "https://canary.example.com/hook"})
    assert hook.status_code == 201, hook.text
    secrets["webhook secret"] = hook.json()["secret"]
    begun = opened.post("second-factor", {"password": PASSWORD}, me.headers)
    assert begun.status_code in (200, 201), begun.text
    secrets["second factor"] = begun.json()["secret"]
    return secrets


def archive_of(opened: SignIns, me: SignedIn) -> dict[str, str]:
    reply = ask(opened, me, "GET", "users/me/export")
    assert reply.status_code == 200, reply.text
    assert "attachment" in reply.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_export_holds_what_was_put_in_and_no_secret(opened: SignIns) -> None:
    me, stranger = opened.login(opened.person()), opened.login(opened.person())
    give_plan(opened.served.settings, ask(opened, me, "GET", "users/me").json()["user_id"], "pro", now=opened.clock())
    secrets = furnish(opened, me)
    ask(opened, stranger, "POST", "watchlists", {"name": "not mine"})
    files = archive_of(opened, me)
    everything = "\n".join(files.values())
    for put_in in (
        "Canary Ada",
        "Canary Ada prefers",
        "Canary Ada list",
        "Canary Ada key",
        "https://canary.example.com/hook",
    ):
        assert put_in in everything
    for name, secret in secrets.items():
        assert secret not in everything, name
    assert "not mine" not in everything
    assert "argon2" not in everything
    assert {name for name in files if name.endswith(".json")} == {
        f"{name}.json" for name, holding in HOLDINGS.items() if holding.exported
    }
    assert len(json.loads(files["sessions.json"])) == 1


def test_a_deletion_waits_can_be_taken_back_and_leaves_nothing(opened: SignIns) -> None:
    email = opened.person()
    me = opened.login(email)
    user_id = ask(opened, me, "GET", "users/me").json()["user_id"]
    give_plan(opened.served.settings, user_id, "pro", now=opened.clock())
    furnish(opened, me, "Canary Bob")
    path = "users/me/deletion"
    assert ask(opened, me, "POST", path, {"password": OTHER_PASSWORD}).status_code == 422
    first = ask(opened, me, "POST", path, {"password": PASSWORD})
    assert first.status_code == 202
    opened.clock.move(hours=1)
    me = opened.login(email)
    assert ask(opened, me, "POST", path, {"password": PASSWORD}).json() == first.json()
    assert len(opened.mails(email, "deletion_requested")) == 1
    assert ask(opened, me, "GET", "users/me").json()["deletes_at"] == first.json()["deletes_at"]
    assert ask(opened, me, "DELETE", path).status_code == 204
    purge(opened)
    assert opened.works(me.headers)

    ask(opened, me, "POST", path, {"password": PASSWORD})
    assert {table for table, _ in left_of(opened, email)} == {"users", "outbox"}
    opened.clock.move(days=13, hours=23)
    purge(opened)
    me = opened.login(email)
    opened.clock.move(hours=1)
    purge(opened)
    assert not opened.works(me.headers)
    assert opened.post("login", {"email": email, "password": PASSWORD}).status_code == 401
    for table, holding in HOLDINGS.items():
        name = "user_text" if ":user_text" in holding.owner else "user"
        left = opened.rows(f"SELECT t.* FROM serving.{table} AS t WHERE {holding.owner}", **{name: user_id})
        assert holding.at_deletion is AtDeletion.STAY or left == [], table
    (row,) = opened.rows("SELECT * FROM serving.users WHERE user_id = :user", user=user_id)
    assert row["status"] == "deleted"
    assert row["email"].endswith("@invalid")
    assert not [value for value in row.values() if "anary" in str(value)]
    for personal in ("Canary Bob", email):
        assert left_of(opened, personal) == [], personal
    again = opened.post("register", {"email": email, "password": PASSWORD})
    assert again.status_code == 202
    assert opened.mails(email, "verify_email"), "the address is free again"


def test_much_goes_in_steps_and_one_that_cannot_go_keeps_no_other(
    opened: SignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_ROWS_AT_ONCE", 2)
    stuck, much = [opened.login(opened.person()) for _ in range(2)]
    for me in (stuck, much):
        for number in range(5):
            ask(opened, me, "POST", "watchlists", {"name": f"list {number}"})
        assert ask(opened, me, "POST", "users/me/deletion", {"password": PASSWORD}).status_code == 202
        opened.clock.move(minutes=1)
    owner = ask(opened, stuck, "GET", "users/me").json()["user_id"]
    opened.rows("CREATE TABLE serving.keeper (kept uuid REFERENCES serving.watchlists)")
    opened.rows(
        "INSERT INTO serving.keeper SELECT watchlist_id FROM serving.watchlists WHERE user_id = :user", user=owner
    )
    try:
        opened.clock.move(days=14)
        purge(opened, steps=1)
        begun = opened.rows(
            "SELECT u.status, count(w.watchlist_id) AS left FROM serving.users AS u JOIN serving.account_deletions "
            "USING (user_id) LEFT JOIN serving.watchlists AS w USING (user_id) GROUP BY u.user_id ORDER BY u.status"
        )
        assert [row["status"] for row in begun] == ["active", "deleted"]
        assert 0 < begun[1]["left"] < 5 == begun[0]["left"], "nobody is let in while the rest goes"
        counts = "SELECT count(*) AS left FROM serving.watchlists WHERE user_id = :user"
        purge(opened)
        assert opened.rows(counts, user=owner)[0]["left"] == 5
    finally:
        opened.rows("DROP TABLE serving.keeper")
    left = opened.rows("SELECT user_id::text FROM serving.account_deletions")
    assert [row["user_id"] for row in left] == [owner]
    purge(opened)
    assert opened.rows(counts, user=owner)[0]["left"] == 0
    told = opened.rows(
        "SELECT count(*) AS told FROM serving.audit_log WHERE action = 'account.deleted' AND target = :who",
        who=f"user:{owner}",
    )
    assert told[0]["told"] == 1


def test_the_last_administrator_stays(opened: SignIns) -> None:
    email = opened.person()
    opened.rows("UPDATE serving.users SET role = 'admin' WHERE email = :email", email=email)
    me = opened.login(email)
    refused = ask(opened, me, "POST", "users/me/deletion", {"password": PASSWORD})
    assert refused.status_code == 409
    assert "last administrator" in refused.json()["detail"]


def test_of_two_administrators_who_leave_at_once_one_stays(opened: SignIns) -> None:
    opened.rows("UPDATE serving.users SET role = 'user'")
    emails = [opened.person() for _ in range(2)]
    opened.rows("UPDATE serving.users SET role = 'admin' WHERE email = ANY(:emails)", emails=emails)
    for email in emails:
        leaving = ask(opened, opened.login(email), "POST", "users/me/deletion", {"password": PASSWORD})
        assert leaving.status_code == 202
    opened.clock.move(days=14)
    purge(opened)
    left = opened.rows("SELECT status FROM serving.users WHERE role = 'admin' AND status = 'active'")
    assert len(left) == 1


def test_nobody_is_charged_for_an_account_that_is_gone(opened: SignIns) -> None:
    email = opened.person()
    me = opened.login(email)
    path = "users/me/deletion"
    assert ask(opened, me, "POST", path, {"password": PASSWORD}).status_code == 202
    taken = ask(opened, me, "POST", "subscriptions", {"plan": "pro"})
    assert taken.status_code == 201, taken.text
    opened.rows(
        "UPDATE serving.subscriptions SET status = 'active' WHERE subscription_id = :id",
        id=taken.json()["subscription_id"],
    )
    assert ask(opened, me, "POST", path, {"password": PASSWORD}).status_code == 409
    opened.clock.move(days=14)
    purge(opened)
    me = opened.login(email)
    cancelled = ask(opened, me, "DELETE", f"subscriptions/{taken.json()['subscription_id']}")
    assert cancelled.status_code in (200, 204), cancelled.text
    purge(opened)
    assert not opened.works(me.headers)


def purge(opened: SignIns, steps: int = 100) -> None:
    """Let the worker's duty come, as often as it wants to."""
    engine = database.engine(opened.served.settings, pool_size=1)
    for _ in range(steps):
        with database.session(engine) as session:
            if not deletion.purge(opened.context, session):
                break
    engine.dispose()


def left_of(opened: SignIns, name: str) -> list[Any]:
    """Rows anywhere in the schema that still say what the person said of himself."""
    found: list[Any] = []
    with opened.engine.connect() as connection:
        for table in SQLModel.metadata.tables.values():
            statement = text(f"SELECT t::text FROM serving.{table.name} AS t WHERE t::text ILIKE :name")
            found += [(table.name, row) for row in connection.execute(statement, {"name": f"%{name}%"}).scalars()]
    return found
