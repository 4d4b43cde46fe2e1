"""Registration, confirmation, passwords: every flow over HTTP, and what must not come of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.security.passwords import Passwords
from deploy.local.stack import LocalStack
from tests.api.signing import OTHER_PASSWORD, PASSWORD, SignIns, sign_ins


@pytest.fixture(scope="module")
def auth(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh_counts(auth: SignIns) -> None:
    auth.forget_counts()


def _address() -> str:
    return f"{uuid.uuid4()}@example.com"


def test_an_account_opens_with_the_mailed_token_and_not_before(auth: SignIns) -> None:
    email = _address()
    reply = auth.post("register", {"email": email, "password": PASSWORD})
    assert reply.status_code == 202
    assert auth.post("login", {"email": email, "password": PASSWORD}).status_code == 401
    token = auth.token(email, "verify_email")
    assert auth.post("verify-email", {"token": token}).status_code == 204
    assert auth.post("verify-email", {"token": token}).json()["type"] == "/problems/invalid-token"
    signed_in = auth.login(email.upper())
    assert auth.works(signed_in.headers)
    assert auth.actions(email) == ["account.registered", "account.verified", "session.opened"]
    stored = auth.rows("SELECT password_hash FROM serving.users WHERE email = :email", email=email)
    assert stored[0]["password_hash"].startswith("$argon2id$v=19$m=64,t=1,p=1$")


def test_registering_twice_answers_alike_and_tells_only_the_owner(auth: SignIns) -> None:
    email = auth.person()
    before = auth.hashes
    known = auth.post("register", {"email": email, "password": OTHER_PASSWORD})
    between = auth.hashes
    unknown = auth.post("register", {"email": _address(), "password": OTHER_PASSWORD})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert between - before == auth.hashes - between == 1
    assert [mail["template"] for mail in auth.mails(email)] == ["verify_email", "address_in_use"]
    assert auth.works(auth.login(email).headers)


def test_whoever_registers_an_address_first_does_not_choose_its_owners_password(auth: SignIns) -> None:
    email = _address()
    auth.post("register", {"email": email, "password": "the password of a stranger"})
    auth.post("register", {"email": email, "password": PASSWORD})
    assert auth.post("verify-email", {"token": auth.token(email, "verify_email")}).status_code == 204
    assert auth.post("login", {"email": email, "password": "the password of a stranger"}).status_code == 401
    auth.login(email)
    first = auth.mails(email, "verify_email")[0]["context"]["token"]
    assert auth.post("verify-email", {"token": first}).status_code == 422
    auth.login(email)


def test_a_confirmation_is_sent_again_with_its_password(auth: SignIns) -> None:
    email = _address()
    auth.post("register", {"email": email, "password": PASSWORD})
    auth.clock.move(hours=25)
    assert auth.post("verify-email", {"token": auth.token(email, "verify_email")}).status_code == 422
    answers = [auth.post("resend-verification", {"email": one}) for one in (email, _address(), auth.person())]
    assert {(reply.status_code, reply.content) for reply in answers} == {(202, answers[0].content)}
    assert auth.post("verify-email", {"token": auth.token(email, "verify_email")}).status_code == 204
    auth.login(email)


def test_a_new_password_by_mail_ends_every_session(auth: SignIns) -> None:
    email = auth.person()
    signed_in = auth.login(email)
    answers = [auth.post("password-reset", {"email": one}) for one in (email, _address())]
    assert {(reply.status_code, reply.content) for reply in answers} == {(202, answers[0].content)}
    token = auth.token(email, "password_reset")
    short = auth.post("password-reset/confirm", {"token": token, "new_password": "short"})
    assert short.json()["errors"][0]["field"] == "new_password"
    assert auth.post("password-reset/confirm", {"token": token, "new_password": OTHER_PASSWORD}).status_code == 204
    assert auth.post("password-reset/confirm", {"token": token, "new_password": PASSWORD}).status_code == 422
    assert not auth.works(signed_in.headers)
    assert auth.post("refresh", {"refresh_token": signed_in.refresh_token}).status_code == 401
    assert auth.post("login", {"email": email, "password": PASSWORD}).status_code == 401
    auth.login(email, OTHER_PASSWORD)
    assert auth.mails(email, "password_changed")
    assert "password.reset" in auth.actions(email)


def test_a_mailed_token_is_good_for_its_time_and_purpose_only(auth: SignIns) -> None:
    email = auth.person()
    auth.post("password-reset", {"email": email})
    token = auth.token(email, "password_reset")
    assert auth.post("verify-email", {"token": token}).status_code == 422
    auth.clock.move(minutes=61)
    confirmed = auth.post("password-reset/confirm", {"token": token, "new_password": OTHER_PASSWORD})
    assert confirmed.json()["type"] == "/problems/invalid-token"
    auth.login(email)


def test_a_password_is_changed_by_the_old_one_and_keeps_only_this_session(auth: SignIns) -> None:
    email = auth.person()
    here, there = auth.login(email), auth.login(email)
    auth.post("password-reset", {"email": email})
    wrong = {"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    assert auth.post("password-change", wrong, here.headers).json()["errors"][0]["field"] == "current_password"
    right = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert auth.post("password-change", right, here.headers).status_code == 204
    assert auth.works(here.headers)
    assert not auth.works(there.headers)
    pending = {"token": auth.token(email, "password_reset"), "new_password": PASSWORD}
    assert auth.post("password-reset/confirm", pending).status_code == 422
    auth.login(email, OTHER_PASSWORD)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 129,
        "password1234",
        "PASSWORD1234!",
        "qwertyuiopas",
        "aaaaaaaaaaaa",
        "123412341234",
        "210987654321",
        "ada.lovelace.1@example.com",
        "ada.lovelace.1",
        "crypto-analytics-platform",
        "Bitcoin Trading 2026",
    ],
)
def test_passwords_that_are_guessed_first_are_refused(auth: SignIns, password: str) -> None:
    before = auth.hashes
    reply = auth.post("register", {"email": "ada.lovelace.1@example.com", "password": password})
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"] == "password"
    assert password not in reply.text
    assert auth.hashes == before


@pytest.mark.parametrize(
    "password",
    [
        "x7 kq plum 93",
        "bitcoin under a wet umbrella",
        "шесть bitcoin",
        "trading 50912873465",
        "ñandú über straße",
        "🐎🔋🧷 and some words",
        "k" + "8ZtR-" * 20 + "m0",
    ],
)
def test_any_characters_will_do(auth: SignIns, password: str) -> None:
    auth.login(auth.person(password), password)


@pytest.mark.parametrize("field", ["role", "plan", "is_admin", "email_verified_at", "user_id"])
def test_nobody_makes_himself_more_than_he_is(auth: SignIns, field: str) -> None:
    email = _address()
    for path, body in (
        ("register", {"email": email, "password": PASSWORD}),
        ("login", {"email": email, "password": PASSWORD}),
        ("password-reset", {"email": email}),
        ("verify-email", {"token": "x"}),
        ("password-reset/confirm", {"token": "x", "new_password": PASSWORD}),
        ("refresh", {"refresh_token": "x"}),
        ("login/second-factor", {"challenge": "x", "code": "123456"}),
    ):
        reply = auth.post(path, {**body, field: "admin"})
        assert reply.status_code == 422, path
        assert reply.json()["errors"] == [{"field": field, "message": "Extra inputs are not permitted"}]
    assert auth.rows("SELECT user_id FROM serving.users WHERE email = :email", email=email) == []


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@b", "a\x00@example.com", "a@example.com\r\nBcc: b@example.com", "x" * 255 + "@example.com"],
)
def test_what_is_no_address_is_refused(auth: SignIns, email: str) -> None:
    for path in ("register", "login"):
        assert auth.post(path, {"email": email, "password": PASSWORD}).status_code == 422


def test_rubbish_is_refused_and_never_a_fault(auth: SignIns) -> None:
    raw = '{"email": "a@example.com", "password": "\\ud800 lone surrogate, long"}'
    reply = auth.served.client.post("/v1/auth/login", content=raw, headers={"Content-Type": "application/json"})
    assert reply.status_code == 422
    for token in ("\x00", "a\x00b", "ä" * 500, "\u202e"):
        assert auth.post("verify-email", {"token": token}).status_code == 422
        assert auth.post("refresh", {"refresh_token": token}).status_code == 401
        assert auth.post("logout", {"refresh_token": token}).status_code == 401
        assert auth.post("login/second-factor", {"challenge": token, "code": "000000"}).status_code == 401


def test_a_hash_is_renewed_when_its_cost_rises(auth: SignIns) -> None:
    email = auth.person()
    costlier = auth.context.settings.model_copy(update={"password_passes": 2})
    auth.rows(
        "UPDATE serving.users SET password_hash = :hash WHERE email = :email",
        hash=Passwords(costlier).hash(PASSWORD),
        email=email,
    )
    auth.login(email)
    stored = auth.rows("SELECT password_hash FROM serving.users WHERE email = :email", email=email)
    assert "t=1" in stored[0]["password_hash"]
    auth.login(email)


def test_a_password_changed_while_it_is_judged_opens_nothing(auth: SignIns, monkeypatch: pytest.MonkeyPatch) -> None:
    email = auth.person()
    judge = Passwords.check

    def change_meanwhile(self: Passwords, password_hash: str | None, password: str) -> bool:
        good = judge(self, password_hash, password)
        auth.rows(
            "UPDATE serving.users SET password_hash = :hash WHERE email = :email",
            hash=self.hash(OTHER_PASSWORD),
            email=email,
        )
        return good

    monkeypatch.setattr(Passwords, "check", change_meanwhile)
    assert auth.post("login", {"email": email, "password": PASSWORD}).status_code == 401
    monkeypatch.undo()
    auth.login(email, OTHER_PASSWORD)


@pytest.mark.parametrize("path", ["verify-email", "password-reset/confirm"])
def test_of_many_uses_of_a_token_at_once_one_counts(auth: SignIns, path: str) -> None:
    email = _address() if path == "verify-email" else auth.person()
    if path == "verify-email":
        auth.post("register", {"email": email, "password": PASSWORD})
        body = {"token": auth.token(email, "verify_email")}
    else:
        auth.post("password-reset", {"email": email})
        body = {"token": auth.token(email, "password_reset"), "new_password": OTHER_PASSWORD}
    with ThreadPoolExecutor(12) as pool:
        statuses = sorted(reply.status_code for reply in pool.map(lambda _: auth.post(path, body), range(12)))
    assert statuses == [204] + [422] * 11


def test_an_account_that_was_made_with_a_password_keeps_it(auth: SignIns) -> None:
    email = auth.person()
    auth.rows("UPDATE serving.users SET email_verified_at = NULL WHERE email = :email", email=email)
    auth.post("register", {"email": email, "password": OTHER_PASSWORD})
    assert auth.post("verify-email", {"token": auth.token(email, "verify_email")}).status_code == 204
    auth.login(email)


def test_accounts_that_are_not_active_look_like_none(auth: SignIns) -> None:
    email = auth.person()
    signed_in = auth.login(email)
    auth.rows("UPDATE serving.users SET status = 'locked' WHERE email = :email", email=email)
    refused = auth.post("login", {"email": email, "password": PASSWORD})
    nobody = auth.post("login", {"email": _address(), "password": PASSWORD})
    assert refused.json()["detail"] == nobody.json()["detail"]
    assert auth.post("refresh", {"refresh_token": signed_in.refresh_token}).status_code == 401
    mails = len(auth.mails(email))
    assert auth.post("password-reset", {"email": email}).status_code == 202
    assert len(auth.mails(email)) == mails
