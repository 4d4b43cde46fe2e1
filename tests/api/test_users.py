"""People: profiles that two devices change at once, watchlists, devices, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from deploy.local.stack import LocalStack
from tests.api.signing import OTHER_PASSWORD, PASSWORD, SignedIn, SignIns, sign_ins

NOBODY_S = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def opened(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


@pytest.fixture
def email(opened: SignIns) -> str:
    return opened.person()


@pytest.fixture
def me(opened: SignIns, email: str) -> SignedIn:
    return opened.login(email)


def ask(opened: SignIns, who: SignedIn, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    return opened.served.client.request(method, f"/v1/{path}", json=body, headers={**who.headers, **headers})


def test_a_profile_is_shown_and_changed(opened: SignIns, email: str, me: SignedIn) -> None:
    shown = ask(opened, me, "GET", "users/me")
    body = shown.json()
    assert (body["email"], body["time_zone"], body["plan"]["plan"]) == (email, "UTC", "free")
    assert shown.headers["etag"] == f'"{body["version"]}"'
    changes = {"time_zone": "Europe/Berlin", "locale": "de-CH", "display_name": "Ada", "preferences": {"theme": "dark"}}
    changed = ask(opened, me, "PATCH", "users/me", changes)
    assert {name: changed.json()[name] for name in changes} == changes
    assert changed.json()["version"] == body["version"] + 1
    assert ask(opened, me, "PATCH", "users/me", {"display_name": None}).json()["preferences"] == {"theme": "dark"}


@pytest.mark.parametrize(
    "body",
    [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../etc/passwd"},
        {"time_zone": "Europe"},
        {"time_zone": "localtime"},
        {"time_zone": "europe/berlin"},
        {"locale": "klingon-language"},
        {"display_name": ""},
        {"display_name": "a\nb"},
        {"preferences": {"big": "x" * 20_000}},
        {"preferences": ["a", "list"]},
        {"preferences": {"zero": "\x00"}},
        {"preferences": {"panes": [{"height": 2**53}]}},
        {"preferences": {"panes": [{"height": 1e19}]}},
        {"role": "admin"},
        {"email": "other@example.com"},
        {"plan": "team"},
        {"is_admin": True},
    ],
    ids=str,
)
def test_what_is_wrong_or_not_one_s_own_to_say_is_refused(opened: SignIns, me: SignedIn, body: dict[str, Any]) -> None:
    before = ask(opened, me, "GET", "users/me").json()
    assert ask(opened, me, "PATCH", "users/me", body).status_code == 422
    assert ask(opened, me, "GET", "users/me").json() == before


def test_of_changes_at_once_on_one_version_one_wins(opened: SignIns, me: SignedIn) -> None:
    tag = ask(opened, me, "GET", "users/me").headers["etag"]

    def change(number: int) -> httpx.Response:
        return ask(opened, me, "PATCH", "users/me", {"display_name": f"Ada {number}"}, **{"If-Match": tag})

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(change, range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] + [412] * 7
    winner = next(reply for reply in replies if reply.status_code == 200)
    assert ask(opened, me, "GET", "users/me").json()["display_name"] == winner.json()["display_name"]
    assert ask(opened, me, "PATCH", "users/me", {}, **{"If-Match": "rubbish"}).status_code == 422
    assert ask(opened, me, "PATCH", "users/me", {"display_name": "B"}, **{"If-Match": "*"}).status_code == 200


def test_watchlists(opened: SignIns, me: SignedIn) -> None:
    markets = ["binance:ETHUSDT", "binance:BTCUSDT"]
    made = ask(opened, me, "POST", "watchlists", {"name": "majors", "markets": markets})
    assert made.status_code == 201
    path = f"watchlists/{made.json()['watchlist_id']}"
    assert made.headers["location"] == f"/v1/{path}"
    assert ask(opened, me, "GET", path).json()["markets"] == markets
    turned = ask(opened, me, "PATCH", path, {"markets": markets[::-1]}).json()
    assert (turned["name"], turned["markets"], turned["version"]) == ("majors", markets[::-1], 2)
    stale = ask(opened, me, "PATCH", path, {"name": "lost"}, **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/precondition-failed")
    assert ask(opened, me, "GET", path).headers["etag"] == '"2"'
    for bad in ({"markets": ["BTC"]}, {"markets": markets * 2}, {"name": ""}, {"user_id": "x"}):
        assert ask(opened, me, "PATCH", path, bad).status_code == 422
    assert [one["name"] for one in ask(opened, me, "GET", "watchlists").json()["items"]] == ["majors"]
    assert ask(opened, me, "PATCH", path, {"name": "kept"}, **{"If-Match": '"2"'}).json()["version"] == 3
    assert ask(opened, me, "DELETE", path).status_code == 204
    assert ask(opened, me, "GET", path).status_code == 404


def test_watchlists_are_bounded(opened: SignIns, me: SignedIn) -> None:
    made = [ask(opened, me, "POST", "watchlists", {"name": str(number)}).status_code for number in range(51)]
    assert made == [201] * 50 + [409]


def test_devices_are_listed_and_ended_one_by_one(opened: SignIns, email: str, me: SignedIn) -> None:
    other = opened.login(email)
    listed = ask(opened, me, "GET", "users/me/sessions").json()["items"]
    assert [one["current"] for one in listed].count(True) == 1
    assert {one["address"] for one in listed} == {"127.0.0.1"}
    (away,) = [one["session_id"] for one in listed if not one["current"]]
    assert ask(opened, me, "DELETE", f"users/me/sessions/{away}").status_code == 204
    assert (opened.works(me.headers), opened.works(other.headers)) == (True, False)
    assert opened.post("refresh", {"refresh_token": other.refresh_token}).status_code == 401
    assert ask(opened, me, "DELETE", f"users/me/sessions/{away}").status_code == 404


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("GET", "watchlists/{watchlist}", None),
        ("PATCH", "watchlists/{watchlist}", {"name": "mine now"}),
        ("DELETE", "watchlists/{watchlist}", None),
        ("DELETE", "users/me/sessions/{session}", None),
    ],
)
def test_what_is_somebody_else_s_is_as_if_it_were_not(
    opened: SignIns, me: SignedIn, method: str, suffix: str, body: Any
) -> None:
    ids = {
        "watchlist": ask(opened, me, "POST", "watchlists", {"name": "mine"}).json()["watchlist_id"],
        "session": ask(opened, me, "GET", "users/me/sessions").json()["items"][0]["session_id"],
    }
    stranger = opened.login(opened.person())
    theirs = ask(opened, stranger, method, suffix.format(**ids), body)
    nobodys = ask(opened, stranger, method, suffix.format(**dict.fromkeys(ids, NOBODY_S)), body)
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    shown = theirs.text
    for id_ in ids.values():
        shown = shown.replace(id_, NOBODY_S)
    assert shown.replace(theirs.json()["request_id"], "") == nobodys.text.replace(nobodys.json()["request_id"], "")
    assert opened.works(me.headers)
    assert ask(opened, me, "GET", f"watchlists/{ids['watchlist']}").json()["name"] == "mine"


def test_another_address_counts_once_it_is_confirmed(opened: SignIns, email: str, me: SignedIn) -> None:
    new = f"new.{email}"
    body = {"new_email": new, "password": OTHER_PASSWORD}
    assert "not your password" in ask(opened, me, "POST", "users/me/email-change", body).json()["detail"]
    assert opened.mails(new) == []
    body["password"] = PASSWORD
    assert ask(opened, me, "POST", "users/me/email-change", body).status_code == 202
    assert ask(opened, me, "GET", "users/me").json()["email"] == email
    assert opened.post("password-reset", {"email": email}).status_code == 202
    reset = opened.token(email, "password_reset")
    token = opened.token(new, "email_change")
    confirm = "/v1/users/me/email-change/confirm"
    assert opened.served.client.post(confirm, json={"token": token}).status_code == 204
    assert ask(opened, me, "GET", "users/me").json()["email"] == new
    assert opened.served.client.post(confirm, json={"token": token}).status_code == 422
    told = opened.mails(email, "email_changed")
    assert len(told) == 1
    assert new not in str(told[0]["context"])
    lost = opened.post("password-reset/confirm", {"token": reset, "new_password": OTHER_PASSWORD})
    assert lost.json()["type"] == "/problems/invalid-token", "the old mailbox must not open the account any more"
    opened.login(new)


def test_an_address_that_is_taken_is_not_told_and_not_taken(opened: SignIns, me: SignedIn) -> None:
    taken = opened.person()
    body = {"new_email": taken.upper(), "password": PASSWORD}
    assert ask(opened, me, "POST", "users/me/email-change", body).status_code == 202
    assert opened.mails(taken, "address_in_use")
    assert opened.mails(taken, "email_change") == []
    # Taken after the mail went out: whoever has the token owns the mailbox, so he may know.
    free = f"free.{taken}"
    ask(opened, me, "POST", "users/me/email-change", {"new_email": free, "password": PASSWORD})
    token = opened.token(free, "email_change")
    opened.rows("UPDATE serving.users SET email = :free WHERE email = :taken", free=free, taken=taken)
    reply = opened.served.client.post("/v1/users/me/email-change/confirm", json={"token": token})
    assert reply.status_code == 409
    assert ask(opened, me, "GET", "users/me").json()["email"] not in (free, taken)


def test_of_accounts_that_confirm_one_address_at_once_one_gets_it(opened: SignIns) -> None:
    people = [opened.login(opened.person()) for _ in range(6)]
    new = f"wanted.{opened.person()}"
    tokens: list[str] = []
    for person in people:
        opened.forget_counts()
        ask(opened, person, "POST", "users/me/email-change", {"new_email": new, "password": PASSWORD})
        tokens.append(opened.token(new, "email_change"))
    with ThreadPoolExecutor(len(tokens)) as pool:
        confirm = "/v1/users/me/email-change/confirm"
        replies = list(pool.map(lambda token: opened.served.client.post(confirm, json={"token": token}), tokens))
    assert sorted(reply.status_code for reply in replies) == [204] + [409] * 5
    assert [ask(opened, person, "GET", "users/me").json()["email"] for person in people].count(new) == 1


def test_nobody_s_mailbox_is_filled(opened: SignIns, me: SignedIn) -> None:
    body = {"new_email": f"victim.{opened.person()}", "password": PASSWORD}
    asked = [ask(opened, me, "POST", "users/me/email-change", body).status_code for _ in range(5)]
    assert asked == [202, 202, 202, 429, 429]
    assert len(opened.mails(body["new_email"])) == 3
