"""Subscriptions whose payments an administrator confirms, over HTTP, with a moved clock."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from api.billing import administration, service
from api.problems import Problem
from deploy.local.stack import LocalStack
from tests.api.billing_fixtures import START, Shop, shop
from tests.api.delivery_fixtures import rows
from tests.api.people import Person


@pytest.fixture(scope="module")
def opened(world: LocalStack) -> Iterator[Shop]:
    with shop(world.settings) as made:
        yield made


@pytest.fixture
def here(opened: Shop) -> Shop:
    opened.clock.now = START
    return opened


def _confirm(here: Shop, person: Person) -> None:
    invoice = next(one for one in reversed(here.invoices(person)) if one["status"] == "open")
    here.work(lambda books: administration.confirm_payment(books, invoice["invoice_id"], "bank 1"))


def _active(here: Shop, plan: str = "pro") -> Person:
    """Somebody whose trial is over and who has paid."""
    person = here.person()
    here.subscribe(person, plan)
    here.move(days=12)
    _confirm(here, person)
    here.move(days=2)
    assert here.subscription(person)["status"] == "active"
    return person


def test_a_trial_begins_without_a_card_and_ends_by_itself(here: Shop) -> None:
    person = here.person()
    assert here.plan_of(person) == "free"
    made = here.subscribe(person)
    assert (made["status"], made["plan"], made["provider"]) == ("trialing", "pro", "manual")
    assert made["trial_end"] == "2027-03-24T12:00:00.000Z"
    assert here.plan_of(person) == "pro"
    here.move(days=11)
    here.worker()
    assert here.mails(person) == ["trial_ending", "invoice_due"]
    assert [one["status"] for one in here.invoices(person)] == ["open"]
    # Entitlement ends by the clock alone, whether or not a worker runs.
    here.clock.move(days=3, seconds=-1)
    assert here.plan_of(person) == "pro"
    here.clock.move(seconds=1)
    assert here.plan_of(person) == "free"
    here.worker()
    here.worker()
    assert here.subscription(person)["status"] == "ended"
    assert [one["status"] for one in here.invoices(person)] == ["void"]
    assert here.mails(person) == ["trial_ending", "invoice_due", "subscription_ended"]


def test_a_trial_is_had_once_even_with_a_new_account(here: Shop) -> None:
    person = here.person(email="Twice@example.com")
    here.subscribe(person)
    here.move(days=15)
    again = here.subscribe(person)
    assert (again["status"], again["trial_end"]) == ("incomplete", None)
    assert here.plan_of(person) == "free"
    here.work(lambda books: service.close_account(books, person.user_id))
    rows(here.settings, "DELETE FROM serving.users WHERE user_id = :id", id=person.user_id)
    reborn = here.person(email="twice@example.com")
    assert here.subscribe(reborn)["status"] == "incomplete"
    # What he was billed is kept.
    found = rows(
        here.settings, "SELECT count(*) AS n FROM serving.invoices WHERE buyer->>'email' = 'Twice@example.com'"
    )
    assert found[0]["n"] == 1


def test_a_paid_period_begins_when_the_trial_ends(here: Shop) -> None:
    person = _active(here)
    now = here.subscription(person)
    assert (now["period_start"], now["period_end"]) == ("2027-03-24T12:00:00.000Z", "2027-04-24T12:00:00.000Z")
    assert here.plan_of(person) == "pro"


def test_renewal_dunning_and_the_end_of_grace(here: Shop) -> None:
    person = _active(here)
    sent = len(here.mails(person))
    here.move(days=31)
    now = here.subscription(person)
    assert (now["status"], now["period_end"]) == ("past_due", "2027-05-24T12:00:00.000Z")
    assert now["entitled_until"] == "2027-05-01T12:00:00.000Z"
    assert here.mails(person)[sent:] == ["invoice_due"]
    here.move(days=3)
    here.worker()
    here.move(days=3)
    here.worker()
    assert here.mails(person)[sent:] == ["invoice_due"] * 3
    here.clock.move(days=1, seconds=-1)
    assert here.plan_of(person) == "pro"
    here.clock.move(seconds=1)
    assert here.plan_of(person) == "free"
    here.worker()
    assert here.subscription(person)["status"] == "unpaid"
    assert here.mails(person)[sent + 3 :] == ["subscription_ended"]
    _confirm(here, person)
    assert (here.subscription(person)["status"], here.plan_of(person)) == ("active", "pro")


def test_a_worker_that_was_away_for_long_catches_up(here: Shop) -> None:
    person = _active(here)
    here.move(days=200)
    now = here.subscription(person)
    assert (now["status"], now["ended_at"]) == ("ended", "2027-05-24T12:00:00.000Z")
    assert here.plan_of(person) == "free"


def test_an_upgrade_counts_at_once_and_costs_the_difference(here: Shop) -> None:
    person = _active(here)
    here.move(days=10)
    reply = here.act(person, "change", "team")
    assert reply.status_code == 200, reply.text
    assert here.plan_of(person) == "team"
    bill = here.invoices(person)[0]
    # 21 of 31 days are left: 9900 and 2900 cents of them.
    assert [line["amount_minor"] for line in bill["lines"]] == [6706, -1965]
    assert (bill["total_minor"], bill["status"]) == (4741, "open")
    assert here.act(person, "change", "pro").status_code == 409
    _confirm(here, person)
    assert (here.subscription(person)["status"], here.plan_of(person)) == ("active", "team")


def test_a_downgrade_counts_from_the_end_of_the_period_and_can_be_taken_back(here: Shop) -> None:
    person = _active(here, "team")
    assert here.act(person, "change", "pro").json()["next_plan"] == "pro"
    assert here.plan_of(person) == "team"
    assert here.act(person, "resume").json()["next_plan"] is None
    here.act(person, "change", "pro")
    here.clock.move(days=31, seconds=-1)
    assert here.plan_of(person) == "team"
    here.clock.move(seconds=1)
    assert here.plan_of(person) == "pro"
    here.worker()
    assert (here.subscription(person)["plan"], here.invoices(person)[0]["total_minor"]) == ("pro", 2900)


def test_cancelling_keeps_what_is_paid_for_and_can_be_taken_back(here: Shop) -> None:
    person = _active(here)
    assert here.act(person, "cancel").json()["cancel_at_period_end"] is True
    assert here.act(person, "cancel").status_code == 200
    assert here.act(person, "resume").json()["cancel_at_period_end"] is False
    here.act(person, "cancel")
    here.clock.move(days=31, seconds=-1)
    assert here.plan_of(person) == "pro"
    here.clock.move(seconds=1)
    assert here.plan_of(person) == "free"
    here.worker()
    assert here.subscription(person)["status"] == "ended"
    assert here.act(person, "resume").status_code == 409
    assert here.act(person, "cancel").json()["status"] == "ended"


def test_refunds_make_credit_notes_and_a_whole_one_ends_the_plan(here: Shop) -> None:
    person = _active(here)
    bill = here.invoices(person)[0]["invoice_id"]
    here.work(lambda books: administration.refund(books, bill, 900, "one bad week"))
    assert here.plan_of(person) == "pro"
    with pytest.raises(Problem, match=r"20\.00 EUR is left"):
        here.work(lambda books: administration.refund(books, bill, 2001, "too much"))
    note = here.work(lambda books: administration.refund(books, bill, None, "goodbye"))
    assert (note["kind"], note["total_minor"], note["corrects"]) == ("credit_note", -2000, bill)
    assert here.plan_of(person) == "free"
    assert here.subscription(person)["status"] == "ended"
    with pytest.raises(Problem):
        here.work(lambda books: administration.refund(books, bill, None, "again"))


def test_a_payment_charged_back_ends_the_plan_and_bars_another(here: Shop) -> None:
    person = _active(here)
    held = here.subscription(person)["subscription_id"]
    here.work(lambda books: administration.charge_back(books, held))
    assert (here.plan_of(person), here.subscription(person)["status"]) == ("free", "ended")
    refused = here.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"})
    assert refused.status_code == 403
    here.work(lambda books: administration.clear_mark(books, held))
    assert here.subscribe(person)["status"] == "incomplete"
    assert here.plan_of(person) == "free"


def test_what_an_administrator_gives_counts_until_its_date(here: Shop) -> None:
    person = here.person()
    until = here.clock.now + timedelta(days=5)
    here.work(lambda books: administration.give_grant(books, person.user_id, "pro", until, "beta tester"))
    assert here.plan_of(person) == "pro"
    # The better one of both counts.
    here.subscribe(person, "team")
    assert here.plan_of(person) == "team"
    here.act(person, "cancel")
    here.clock.move(days=5, seconds=-1)
    assert here.plan_of(person) == "team"
    other = here.person()
    given = here.work(
        lambda books: administration.give_grant(
            books, other.user_id, "team", here.clock.now + timedelta(days=5), "friend"
        )
    )
    assert here.plan_of(other) == "team"
    here.work(lambda books: administration.revoke_grant(books, given["grant_id"]))
    assert here.plan_of(other) == "free"


def test_one_subscription_at_a_time_and_an_unpaid_start_is_replaced(here: Shop) -> None:
    person = here.person()
    here.subscribe(person)
    assert here.ask(person, "POST", "/v1/subscriptions", json={"plan": "team"}).status_code == 409
    here.move(days=15)
    first = here.subscribe(person)
    second = here.subscribe(person, "team")
    states = {one["subscription_id"]: one for one in here.ask(person, "GET", "/v1/subscriptions").json()["items"]}
    assert states[first["subscription_id"]]["status"] == "ended"
    assert states[second["subscription_id"]]["status"] == "incomplete"
    assert [one["status"] for one in here.invoices(person)] == ["open", "void"]
    _confirm(here, person)
    assert here.plan_of(person) == "team"


def test_fifty_parallel_starts_with_one_key_are_one(here: Shop) -> None:
    person = here.person()
    headers = {"Idempotency-Key": "one"}

    def start(_: int) -> tuple[int, bytes]:
        reply = here.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"}, headers=headers)
        return reply.status_code, reply.content

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(start, range(50)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 201
    count = "SELECT count(*) AS n FROM serving.subscriptions WHERE user_id = :id"
    assert rows(here.settings, count, id=person.user_id)[0]["n"] == 1


def test_parallel_starts_without_a_key_make_one_subscription(here: Shop) -> None:
    person = here.person()

    def start(_: int) -> int:
        return here.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(start, range(8))) == [201] + [409] * 7


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"plan": "nothing"},
        {"plan": "free"},
        {"plan": "pro", "price_minor": 0},
        {"plan": "pro", "status": "active"},
        {"plan": "pro", "trial_days": 999},
        {"plan": "pro", "user_id": "00000000-0000-4000-8000-000000000000"},
        {"plan": "pro", "entitled_until": "2099-01-01T00:00:00Z"},
        {"plan": "pro", "provider": "stripe"},
    ],
)
def test_a_body_says_nothing_but_the_plan(here: Shop, body: dict[str, object]) -> None:
    person = here.person()
    assert here.ask(person, "POST", "/v1/subscriptions", json=body).status_code == 422
    here.subscribe(person)
    assert here.plan_of(person) == "pro"
    held = here.subscription(person)["subscription_id"]
    reply = here.ask(person, "POST", f"/v1/subscriptions/{held}/change", json=body)
    assert reply.status_code == 422
    assert here.subscription(person)["plan"] == "pro"


def test_what_is_somebody_elses_is_not_there(here: Shop) -> None:
    owner, stranger = _active(here), here.person()
    mine, bill = here.subscription(owner)["subscription_id"], here.invoices(owner)[0]["invoice_id"]
    nobody = "00000000-0000-4000-8000-000000000000"
    routes = [
        ("GET", "/v1/subscriptions/{}", mine, None),
        ("DELETE", "/v1/subscriptions/{}", mine, None),
        ("POST", "/v1/subscriptions/{}/resume", mine, None),
        ("POST", "/v1/subscriptions/{}/change", mine, {"plan": "team"}),
        ("GET", "/v1/invoices/{}", bill, None),
        ("GET", "/v1/invoices/{}/pdf", bill, None),
    ]
    for method, path, known, body in routes:
        replies = [
            here.ask(stranger, method, path.format(one), json=body).json() | {"request_id": "", "instance": ""}
            for one in (known, nobody)
        ]
        assert replies[0]["status"] == 404
        assert replies[0]["detail"].replace(known, nobody) == replies[1]["detail"]
        assert replies[0]["type"] == replies[1]["type"]
    assert here.invoices(stranger) == []
    assert here.subscription(owner)["status"] == "active"


def test_workers_payments_and_people_at_once_wait_for_one_another(here: Shop) -> None:
    people = [here.person() for _ in range(6)]
    for person in people:
        here.subscribe(person)
    here.move(days=12)
    bills = [here.invoices(person)[0]["invoice_id"] for person in people]
    here.clock.move(days=2)

    def pay(bill: str) -> str:
        try:
            here.work(lambda books: administration.confirm_payment(books, bill))
        except Problem:
            return "too late"
        return "paid"

    def ask(person: Person) -> int:
        return here.ask(person, "POST", "/v1/subscriptions", json={"plan": "team"}).status_code

    with ThreadPoolExecutor(18) as pool:
        running = [pool.submit(pay, bill) for bill in bills]
        working = [pool.submit(here.worker) for _ in range(4)]
        asking = [pool.submit(ask, person) for person in people for _ in range(2)]
        assert {one.result() for one in asking} <= {201, 409}
        assert [one.result() for one in working] == [None] * 4
        paid = [one.result() for one in running]
    for person, outcome, bill in zip(people, paid, bills, strict=True):
        status = {one["invoice_id"]: one["status"] for one in here.invoices(person)}[bill]
        assert status == {"paid": "paid", "too late": "void"}[outcome]


def test_a_start_that_is_never_paid_is_given_up(here: Shop) -> None:
    person = here.person()
    here.subscribe(person)
    here.move(days=15)
    here.subscribe(person)
    here.move(days=30)
    assert {one["status"] for one in here.ask(person, "GET", "/v1/subscriptions").json()["items"]} == {"ended"}
    assert {one["status"] for one in here.invoices(person)} == {"void"}


def test_pages_of_subscriptions_miss_nothing(here: Shop) -> None:
    person = here.person()
    made: list[str] = []
    for _ in range(4):
        made.append(here.subscribe(person)["subscription_id"])
        here.move(days=15)
    seen: list[str] = []
    cursor = ""
    while True:
        page = here.ask(person, "GET", f"/v1/subscriptions?limit=1{cursor}").json()
        seen += [one["subscription_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


def test_an_account_that_is_deleted_ends_its_subscription(here: Shop) -> None:
    marked, erased = _active(here), _active(here)
    held = [here.subscription(one)["subscription_id"] for one in (marked, erased)]
    rows(here.settings, "UPDATE serving.users SET status = 'deleted' WHERE user_id = :id", id=marked.user_id)
    rows(here.settings, "DELETE FROM serving.users WHERE user_id = :id", id=erased.user_id)
    here.worker()
    ended = "SELECT status, entitled_until FROM serving.subscriptions WHERE subscription_id = ANY(CAST(:ids AS uuid[]))"
    assert [dict(row) for row in rows(here.settings, ended, ids=held)] == [
        {"status": "ended", "entitled_until": None}
    ] * 2


def test_nobody_subscribes_with_an_address_that_is_not_verified(here: Shop) -> None:
    person = here.person(verified=False)
    assert here.ask(person, "POST", "/v1/subscriptions", json={"plan": "pro"}).status_code == 403
