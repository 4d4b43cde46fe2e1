"""What is taken away when it has expired, what stays, and what happens when too many sign in at once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator

import anyio
import pytest

from api.accounts.cleaning import clean
from api.problems import Problem
from api.security.passwords import Passwords
from deploy.local.stack import LocalStack
from stores import database
from tests.api.signing import PASSWORD, SignIns, sign_ins
from tests.stack_fixtures import bare_settings


@pytest.fixture(scope="module")
def auth(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


def _clean(auth: SignIns) -> dict[str, int]:
    with database.session(auth.engine) as session:
        return clean(session, auth.clock.now)


def _nothing() -> dict[str, int]:
    tables = ("users", "one_time_tokens", "refresh_tokens", "sessions", "second_factors", "guess_counts")
    return dict.fromkeys(tables, 0)


def test_only_what_has_expired_goes(auth: SignIns) -> None:
    kept = auth.person()
    signed_in = auth.login(kept)
    auth.post("second-factor", {"password": PASSWORD}, signed_in.headers)
    auth.post("password-reset", {"email": kept})
    unconfirmed = f"{uuid.uuid4()}@example.com"
    auth.post("register", {"email": unconfirmed, "password": PASSWORD})
    assert _clean(auth) == _nothing()
    auth.clock.move(hours=2)
    assert _clean(auth) == _nothing() | {"second_factors": 1, "one_time_tokens": 1}
    auth.clock.move(days=2)
    assert _clean(auth) == _nothing()
    auth.post("resend-verification", {"email": unconfirmed})
    assert len(auth.mails(unconfirmed, "verify_email")) == 2
    auth.clock.move(days=6)
    assert _clean(auth)["users"] == 1
    assert auth.rows("SELECT email FROM serving.users") == [{"email": kept}]
    assert auth.rows("SELECT * FROM serving.one_time_tokens") == []
    assert auth.post("refresh", {"refresh_token": signed_in.refresh_token}).status_code == 200
    auth.clock.move(days=70)
    gone = _clean(auth)
    assert (gone["sessions"], gone["users"]) == (1, 0)
    assert auth.rows("SELECT * FROM serving.refresh_tokens") == []
    assert auth.rows("SELECT * FROM serving.guess_counts") == []
    auth.login(kept)


def test_few_hashes_at_once_a_queue_and_then_no_more() -> None:
    passwords = Passwords(bare_settings(password_memory_kib=64, password_passes=1, password_width=2))
    outcomes: Counter[str] = Counter()
    refusals: list[Problem] = []
    most = 0

    async def one(release: anyio.Event) -> None:
        nonlocal most
        try:
            async with passwords.turn():
                outcomes["in"] += 1
                most = max(most, outcomes["in"] - outcomes["out"])
                await release.wait()
                outcomes["out"] += 1
        except Problem as problem:
            refusals.append(problem)

    async def many() -> None:
        release = anyio.Event()
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(one, release)
            await anyio.wait_all_tasks_blocked()
            assert outcomes == {"in": 2}
            assert len(refusals) == 34
            release.set()

    anyio.run(many)
    assert outcomes == {"in": 66, "out": 66}
    assert {(problem.kind.name, problem.kind.status, problem.headers["Retry-After"]) for problem in refusals} == {
        ("busy", 503, "2")
    }
    assert most == 2


def test_the_default_cost_is_what_is_recommended() -> None:
    settings = bare_settings()
    hashed = Passwords(settings).hash("some password")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_hash_that_is_none_is_no_fault() -> None:
    passwords = Passwords(bare_settings(password_memory_kib=64, password_passes=1))
    for broken in ("", "x", "$argon2id$v=19$m=64,t=1,p=1$"):
        assert not passwords.check(broken, "some password")
    assert not passwords.check(None, "some password")
    assert passwords.computed == 4


def test_no_password_token_or_code_is_logged(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    with sign_ins(stack) as auth:
        canary = "canary in the coal mine 41"
        email = auth.person(canary)
        signed_in = auth.login(email, canary)
        wrong = auth.post("login", {"email": email, "password": canary + "x"})
        begun = auth.post("second-factor", {"password": canary}, signed_in.headers).json()
        renewed = auth.post("refresh", {"refresh_token": signed_in.refresh_token}).json()
        auth.post("password-reset", {"email": email})
        token = auth.token(email, "password_reset")
        auth.post("password-reset/confirm", {"token": token, "new_password": canary + "y", "extra": canary})
        auth.post("password-reset/confirm", {"token": token, "new_password": canary + "y"})
    logged = capsys.readouterr().err
    assert wrong.status_code == 401
    assert logged.count('"route": "/v1/auth/login"') == 2
    assert '"event": "sign_in_refused"' in logged
    secrets = [canary, begun["secret"], token, signed_in.refresh_token, signed_in.body["access_token"]]
    secrets += [renewed["refresh_token"], renewed["access_token"], email]
    assert [secret for secret in secrets if secret in logged] == []
