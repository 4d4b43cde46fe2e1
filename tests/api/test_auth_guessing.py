"""A thousand tries: at one account, at many, from many addresses. Locked in time, and nothing learnt on the way."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.accounts.guessing import POLICIES, Kind, Subject, count, settle_right
from api.problems import Problem
from deploy.local.stack import LocalStack
from stores import database
from tests.api.signing import OTHER_PASSWORD, PASSWORD, SignIns, sign_ins

TRIES = 1_000
WRONG = "not the right one at all"
FREE, MOST = POLICIES[Kind.ACCOUNT].free, POLICIES[Kind.ACCOUNT].most


@pytest.fixture(scope="module")
def auth(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(stack: LocalStack, auth: SignIns) -> Iterator[SignIns]:
    """The same, behind a proxy of ours: tests choose the address they come from."""
    del auth
    with sign_ins(stack, trusted_proxies=("127.0.0.1/32",)) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh_counts(auth: SignIns) -> None:
    auth.forget_counts()


def _try(auth: SignIns, email: str, password: str = WRONG, **headers: str) -> httpx.Response:
    return auth.post("login", {"email": email, "password": password}, headers)


def _nobody() -> str:
    return f"{uuid.uuid4()}@example.com"


def _guess_patiently(auth: SignIns, email: str, most: int) -> list[int]:
    """Guess as fast as the answers allow, by a clock that moves as far as they say; returns the waits."""
    waits: list[int] = []
    for _ in range(most):
        reply = _try(auth, email)
        if reply.status_code == 429:
            waits.append(int(reply.headers["retry-after"]))
            auth.clock.move(seconds=waits[-1])
        else:
            assert reply.status_code == 401
    return waits


def test_a_thousand_tries_at_once_get_no_more_than_one_after_the_other(auth: SignIns) -> None:
    email = auth.person()
    before = auth.hashes
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(reply.status_code for reply in pool.map(lambda _: _try(auth, email), range(TRIES)))
    assert statuses[401] == FREE
    assert statuses[401] + statuses[429] + statuses[503] == TRIES
    assert auth.hashes - before == FREE
    # Not even the right password is looked at now.
    assert _try(auth, email, PASSWORD).status_code == 429
    assert auth.hashes - before == FREE


def test_tries_of_many_processes_at_once_are_all_counted(auth: SignIns) -> None:
    engine = database.engine(auth.served.settings, pool_size=16, max_overflow=0)
    begin = threading.Barrier(16)

    def guess(subject: Subject) -> int:
        begin.wait(timeout=30)
        with database.session(engine) as session:
            return count(session, (subject,), auth.clock.now)[0].failures

    for round_ in range(10):
        subject = Subject.of(auth.context.vault, Kind.ADDRESS, f"round {round_}")
        with ThreadPoolExecutor(16) as pool:
            assert sorted(pool.map(guess, [subject] * 16)) == list(range(1, 17))
    engine.dispose()


def test_right_and_wrong_tries_at_once_are_no_fault(auth: SignIns) -> None:
    engine = database.engine(auth.served.settings, pool_size=16, max_overflow=0)
    subjects = tuple(Subject.of(auth.context.vault, kind, "both") for kind in (Kind.SECOND_FACTOR, Kind.ADDRESS))
    begin = threading.Barrier(16)

    def be_right(number: int) -> int:
        begin.wait(timeout=30)
        for _ in range(40):
            with contextlib.suppress(Problem), database.session(engine) as session:
                count(session, subjects if number % 2 else subjects[::-1], auth.clock.now)
            with database.session(engine) as session:
                settle_right(session, subjects if number % 2 else subjects[::-1], auth.clock.now)
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(be_right, range(16))) == list(range(16))
    engine.dispose()


def test_an_account_is_locked_and_its_owner_told(auth: SignIns) -> None:
    email = auth.person()
    before = auth.hashes
    waits = _guess_patiently(auth, email, 40)
    assert waits[:7] == [1, 2, 4, 8, 16, 900, 1_800]
    assert waits[7:] == [3_600] * len(waits[7:])
    assert auth.hashes - before == 40 - len(waits)
    assert len(auth.mails(email, "account_locked")) == 1
    assert auth.actions(email).count("account.locked") == 1
    auth.clock.move(hours=1)
    auth.login(email)
    # Whoever is right has all his tries again.
    assert [_try(auth, email).status_code for _ in range(FREE + 1)] == [401] * FREE + [429]


def test_the_owner_gets_in_by_mail_while_others_guess(auth: SignIns) -> None:
    email = auth.person()
    signed_in = auth.login(email)
    _guess_patiently(auth, email, MOST + 5)
    while _try(auth, email).status_code != 429:
        pass
    assert auth.works(signed_in.headers) or auth.post("refresh", {"refresh_token": signed_in.refresh_token}).is_success
    auth.post("password-reset", {"email": email})
    body = {"token": auth.token(email, "password_reset"), "new_password": OTHER_PASSWORD}
    assert auth.post("password-reset/confirm", body).status_code == 204
    auth.login(email, OTHER_PASSWORD)


def _observed(auth: SignIns, email: str, tries: int) -> list[tuple[Any, ...]]:
    """Whatever a guesser can see of his tries, and the work they took."""
    seen: list[tuple[Any, ...]] = []
    for _ in range(tries):
        before = auth.hashes
        reply = _try(auth, email)
        body = {key: value for key, value in reply.json().items() if key != "request_id"}
        headers = {key: value for key, value in reply.headers.items() if key not in ("date", "x-request-id")}
        seen.append((reply.status_code, body, headers, auth.hashes - before))
        auth.clock.move(seconds=int(reply.headers.get("retry-after", 0)))
    return seen


def test_nothing_tells_an_account_from_none(auth: SignIns) -> None:
    unconfirmed, reset = _nobody(), auth.person()
    auth.post("register", {"email": unconfirmed, "password": PASSWORD})
    auth.post("password-reset", {"email": reset})
    seen = [_observed(auth, email, 25) for email in (auth.person(), _nobody(), unconfirmed, reset)]
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert {work for _, _, _, work in seen[0]} == {0, 1}
    assert {status for status, *_ in seen[0]} == {401, 429}


@pytest.mark.parametrize("path", ["password-reset", "resend-verification", "register"])
def test_asking_for_mails_tells_nothing_and_floods_nobody(auth: SignIns, path: str) -> None:
    known, unconfirmed = auth.person(), _nobody()
    auth.post("register", {"email": unconfirmed, "password": PASSWORD})
    auth.forget_counts()
    mails = len(auth.mails(known))
    seen: list[list[tuple[int, Any, int]]] = []
    for email in (known, _nobody(), unconfirmed):
        body = {"email": email, "password": OTHER_PASSWORD} if path == "register" else {"email": email}
        answers: list[tuple[int, Any, int]] = []
        for _ in range(6):
            before = auth.hashes
            reply = auth.post(path, body)
            answers.append((reply.status_code, reply.json()["detail"], auth.hashes - before))
        seen.append(answers)
    assert seen[0] == seen[1] == seen[2]
    assert [status for status, *_ in seen[0]] == [202] * 3 + [429] * 3
    assert len(auth.mails(known)) - mails <= 3


def test_one_address_that_tries_many_accounts_is_stopped(auth: SignIns) -> None:
    emails = [auth.person() for _ in range(3)]
    auth.forget_counts()
    before = auth.hashes
    statuses: Counter[int] = Counter()
    for number in range(TRIES // 2):
        statuses[_try(auth, _nobody() if number % 10 else emails[number % 3]).status_code] += 1
    assert statuses == {401: POLICIES[Kind.ADDRESS].free, 429: TRIES // 2 - POLICIES[Kind.ADDRESS].free}
    assert auth.hashes - before == POLICIES[Kind.ADDRESS].free
    assert _try(auth, emails[0], PASSWORD).status_code == 429


def test_a_forged_forwarded_address_changes_nothing(auth: SignIns) -> None:
    statuses = Counter(
        _try(auth, _nobody(), **{"X-Forwarded-For": f"198.51.100.{number % 250}, 10.0.0.{number % 250}"}).status_code
        for number in range(TRIES // 4)
    )
    assert statuses[401] == POLICIES[Kind.ADDRESS].free
    assert auth.rows("SELECT count(*) AS n FROM serving.guess_counts WHERE failures >= 50")[0]["n"] == 1


def test_good_sign_ins_do_not_excuse_bad_ones_of_the_same_address(auth: SignIns) -> None:
    own = auth.person()
    auth.forget_counts()
    statuses: Counter[int] = Counter()
    for _ in range(POLICIES[Kind.ADDRESS].free + 20):
        _try(auth, own, PASSWORD)
        statuses[_try(auth, _nobody()).status_code] += 1
    assert statuses[401] == POLICIES[Kind.ADDRESS].free


def test_many_addresses_at_one_account_are_stopped_all_the_same(proxied: SignIns) -> None:
    email = proxied.person()
    before = proxied.hashes
    statuses = Counter(
        _try(proxied, email, **{"X-Forwarded-For": f"203.0.{number // 250}.{number % 250}"}).status_code
        for number in range(TRIES // 4)
    )
    assert statuses == {401: FREE, 429: TRIES // 4 - FREE}
    assert proxied.hashes - before == FREE
    # One subscriber of IPv6 has more addresses than anybody can count.
    proxied.forget_counts()
    statuses = Counter(
        _try(proxied, _nobody(), **{"X-Forwarded-For": f"2001:db8:5:6::{number:x}"}).status_code
        for number in range(120)
    )
    assert statuses[401] == POLICIES[Kind.ADDRESS].free


def test_tries_are_forgiven_with_time_and_never_by_a_clock_set_back(auth: SignIns) -> None:
    email = auth.person()
    for _ in range(FREE):
        _try(auth, email)
    auth.clock.move(minutes=-5)
    reply = _try(auth, email)
    assert reply.status_code == 429
    assert int(reply.headers["retry-after"]) <= 1
    auth.clock.move(minutes=5, hours=3)
    assert [_try(auth, email).status_code for _ in range(3)] == [401, 429, 429]
    auth.clock.move(hours=30)
    assert [_try(auth, email).status_code for _ in range(FREE + 1)] == [401] * FREE + [429]


def test_what_is_typed_is_not_kept(auth: SignIns) -> None:
    typed = _nobody()
    _try(auth, typed)
    rows = auth.rows("SELECT encode(subject, 'escape') AS subject FROM serving.guess_counts")
    assert len(rows) == 2
    assert not [row for row in rows if typed.split("@")[0] in row["subject"]]


def test_mails_come_slowly_once_there_were_some(auth: SignIns) -> None:
    email = auth.person()
    auth.forget_counts()
    statuses: list[int] = []
    for minutes in (0, 0, 0, 10, 10, 10, 10):
        auth.clock.move(minutes=minutes)
        statuses.append(auth.post("password-reset", {"email": email}).status_code)
    assert statuses == [202, 202, 202, 429, 202, 429, 202]
