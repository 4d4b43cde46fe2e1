"""The second factor: set up, shown, worn out, lost, and guessed at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from pyotp.totp import TOTP

from deploy.local.stack import LocalStack
from tests.api.signing import PASSWORD, SignedIn, SignIns, sign_ins


@pytest.fixture(scope="module")
def auth(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


@dataclass(frozen=True)
class Guarded:
    """Somebody with a second factor."""

    auth: SignIns
    email: str
    secret: str
    signed_in: SignedIn
    recovery_codes: list[str]

    def code(self, steps: int = 0) -> str:
        """Code of the app now, or some steps away."""
        return TOTP(self.secret).at(self.auth.clock.now + timedelta(seconds=30 * steps))

    def challenge(self) -> str:
        """Show the password."""
        body = self.auth.post("login", {"email": self.email, "password": PASSWORD}).json()
        assert set(body) == {"second_factor_required", "challenge", "expires_in"}
        return body["challenge"]

    def show(self, code: str, challenge: str | None = None) -> httpx.Response:
        """Show password and code."""
        body = {"challenge": challenge or self.challenge(), "code": code}
        return self.auth.post("login/second-factor", body)


def _guarded(auth: SignIns) -> Guarded:
    email = auth.person()
    signed_in = auth.login(email)
    begun = auth.post("second-factor", {"password": PASSWORD}, signed_in.headers)
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    code = TOTP(secret).at(auth.clock.now)
    confirmed = auth.post("second-factor/confirm", {"code": code}, signed_in.headers)
    assert confirmed.status_code == 200, confirmed.text
    auth.clock.move(seconds=60)
    return Guarded(auth, email, secret, signed_in, confirmed.json()["recovery_codes"])


def test_the_app_gets_a_secret_a_link_and_a_picture(auth: SignIns) -> None:
    email = auth.person()
    headers = auth.login(email).headers
    wrong = auth.post("second-factor", {"password": "another long one"}, headers)
    assert wrong.json()["errors"][0]["field"] == "password"
    begun: dict[str, Any] = auth.post("second-factor", {"password": PASSWORD}, headers).json()
    link = urlsplit(begun["uri"])
    assert (link.scheme, link.netloc) == ("otpauth", "totp")
    assert unquote(link.path) == f"/Crypto Analytics Platform:{email}"
    assert parse_qs(link.query) == {"secret": [begun["secret"]], "issuer": ["Crypto Analytics Platform"]}
    assert len(begun["secret"]) == 32
    assert ElementTree.fromstring(begun["qr_svg"]).tag == "{http://www.w3.org/2000/svg}svg"
    # Nothing is asked for until it is confirmed, and the secret is not readable in the database.
    auth.login(email)
    stored = auth.rows("SELECT secret FROM serving.second_factors")
    assert all(begun["secret"].encode() not in bytes(row["secret"]) for row in stored)
    assert auth.post("second-factor/confirm", {"code": "000000"}, headers).json()["errors"][0]["field"] == "code"


def test_signing_in_needs_both(auth: SignIns) -> None:
    person = _guarded(auth)
    assert len(set(person.recovery_codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{6}-){3}[A-Z2-7]{6}", code) for code in person.recovery_codes)
    challenge = person.challenge()
    assert not auth.works({"Authorization": f"Bearer {challenge}"})
    opened = person.show(person.code(), challenge)
    assert opened.status_code == 200
    assert auth.works({"Authorization": f"Bearer {opened.json()['access_token']}"})
    assert person.show(person.code(1), challenge).status_code == 401
    rows = auth.rows(
        "SELECT second_factor FROM serving.sessions WHERE session_id = :id", id=opened.json()["session_id"]
    )
    assert rows[0]["second_factor"]
    assert auth.mails(person.email, "second_factor_changed")


def test_confirming_ends_other_sessions(auth: SignIns) -> None:
    email = auth.person()
    other, here = auth.login(email), auth.login(email)
    secret = auth.post("second-factor", {"password": PASSWORD}, here.headers).json()["secret"]
    code = TOTP(secret).at(auth.clock.now)
    assert auth.post("second-factor/confirm", {"code": code}, here.headers).status_code == 200
    assert auth.works(here.headers)
    assert not auth.works(other.headers)
    assert auth.post("second-factor", {"password": PASSWORD}, here.headers).status_code == 409
    assert auth.post("second-factor/confirm", {"code": code}, here.headers).status_code == 409


def test_a_code_is_good_once_and_a_step_around_its_time(auth: SignIns) -> None:
    person = _guarded(auth)
    assert person.show(person.code()).status_code == 200
    assert person.show(person.code()).status_code == 401
    assert person.show(person.code(-1)).status_code == 401
    assert person.show(person.code(1)).status_code == 200
    auth.clock.move(minutes=5)
    for steps in (-2, 2, 10):
        assert person.show(person.code(steps)).status_code == 401
    assert person.show(person.code(-1)).status_code == 200
    # The clock goes back: codes of times that were used stay used.
    auth.clock.move(minutes=-5)
    assert person.show(person.code()).status_code == 401
    auth.clock.move(minutes=5)


def test_of_many_uses_of_a_code_at_once_one_counts(auth: SignIns) -> None:
    person = _guarded(auth)
    challenges = [person.challenge() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda challenge: person.show(person.code(), challenge), challenges * 2))
    assert sorted(reply.status_code for reply in replies)[:2] == [200, 401]


def test_a_challenge_expires(auth: SignIns) -> None:
    person = _guarded(auth)
    challenge = person.challenge()
    auth.clock.move(minutes=5)
    assert person.show(person.code(), challenge).status_code == 401


def test_recovery_codes_are_good_once_each(auth: SignIns) -> None:
    person = _guarded(auth)
    first, second, *_ = person.recovery_codes
    assert person.show(first).status_code == 200
    assert person.show(first).status_code == 401
    assert person.show(second.lower().replace("-", " ")).status_code == 200
    left = auth.get("second-factor", person.signed_in.headers).json()
    assert left == {"enabled": True, "recovery_codes_left": 8}
    other = _guarded(auth)
    assert person.show(other.recovery_codes[0]).status_code == 401


def test_new_recovery_codes_replace_the_old_ones(auth: SignIns) -> None:
    person = _guarded(auth)
    path, headers = "second-factor/recovery-codes", person.signed_in.headers
    assert auth.post(path, {"password": PASSWORD, "code": "000000"}, headers).status_code == 422
    renewed = auth.post(path, {"password": PASSWORD, "code": person.code()}, headers)
    assert renewed.status_code == 200
    codes = renewed.json()["recovery_codes"]
    assert set(codes).isdisjoint(person.recovery_codes)
    assert person.show(person.recovery_codes[0]).status_code == 401
    assert person.show(codes[0]).status_code == 200


def test_it_is_taken_off_by_password_and_code(auth: SignIns) -> None:
    person = _guarded(auth)
    path, headers = "second-factor/disable", person.signed_in.headers
    for body in (
        {"password": PASSWORD, "code": "000000"},
        {"password": "not the right one", "code": person.code()},
        {"password": PASSWORD},
    ):
        assert auth.post(path, body, headers).status_code == 422
    assert auth.post(path, {"password": PASSWORD, "code": person.recovery_codes[0]}, headers).status_code == 204
    auth.login(person.email)
    assert auth.get("second-factor", headers).json() == {"enabled": False, "recovery_codes_left": 0}
    assert auth.post(path, {"password": PASSWORD, "code": person.code()}, headers).status_code == 409


def test_codes_cannot_be_guessed_even_with_the_password(auth: SignIns) -> None:
    person = _guarded(auth)
    wrong = f"{(int(person.code()) + 500_000) % 1_000_000:06}"
    statuses: list[int] = []
    for _ in range(60):
        # A new challenge each time changes nothing: the codes of the account are counted.
        reply = person.show(wrong)
        statuses.append(reply.status_code)
    assert statuses.count(401) == 5
    assert statuses.count(429) == 55
    assert person.show(person.code()).status_code == 429
    waits = 0
    while waits < 900:
        reply = person.show(wrong)
        waits = int(reply.headers.get("retry-after", 0))
        auth.clock.move(seconds=waits)
    assert len(auth.mails(person.email, "account_locked")) == 1
    assert person.show(person.code()).status_code == 200


def test_a_lost_password_does_not_take_the_second_factor_off(auth: SignIns) -> None:
    person = _guarded(auth)
    auth.forget_counts()
    auth.post("password-reset", {"email": person.email})
    body = {"token": auth.token(person.email, "password_reset"), "new_password": PASSWORD}
    assert auth.post("password-reset/confirm", body).status_code == 204
    assert person.show("000000").status_code == 401
    assert person.show(person.code()).status_code == 200


def test_a_repeated_begin_and_confirm_get_the_first_answer(auth: SignIns) -> None:
    headers = auth.login(auth.person()).headers
    once = {**headers, "Idempotency-Key": "begin"}
    replies = [auth.post("second-factor", {"password": PASSWORD}, once) for _ in range(2)]
    assert replies[0].json() == replies[1].json()
    code = TOTP(replies[0].json()["secret"]).at(auth.clock.now)
    once = {**headers, "Idempotency-Key": "confirm"}
    confirmed = [auth.post("second-factor/confirm", {"code": code}, once) for _ in range(2)]
    assert [reply.status_code for reply in confirmed] == [200, 200]
    assert confirmed[0].json() == confirmed[1].json()
