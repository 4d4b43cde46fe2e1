"""What administrators do: to whom, with which effect, and that each deed leaves a record."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.main import create_app
from api.security.principal import Role
from deploy.local.stack import LocalStack
from stores import warehouse
from tests.api.people import Person, make_user
from tests.api.signing import PASSWORD, SignIns, sign_ins
from tests.api.world import SIGNALS, fill
from tests.stack_fixtures import bare_settings

WHY = {"reason": "asked for by its owner"}
NOBODY_S = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def opened(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        warehouse.migrate(stack.settings)
        fill(stack.settings)
        yield running


@pytest.fixture
def admin(opened: SignIns) -> Person:
    return make_user(opened.served.settings, role=Role.ADMIN, second_factor=True, now=opened.clock())


@pytest.fixture
def person(opened: SignIns) -> Person:
    return make_user(opened.served.settings, now=opened.clock())


def do(opened: SignIns, who: Person, method: str, path: str, body: Any = None) -> httpx.Response:
    return opened.served.client.request(method, f"/v1/{path}", json=body, headers=who.headers)


def records(opened: SignIns, admin: Person) -> list[str]:
    found = opened.rows("SELECT action FROM serving.audit_log WHERE actor_id = :id ORDER BY sequence", id=admin.user_id)
    return [row["action"] for row in found]


def test_people_are_found_page_by_page(opened: SignIns, admin: Person) -> None:
    mark = uuid.uuid4().hex[:8]
    made = [
        make_user(opened.served.settings, f"{number}.{mark}@example.com", now=opened.clock()) for number in range(5)
    ]
    seen: list[str] = []
    cursor = ""
    while True:
        reply = do(opened, admin, "GET", f"admin/users?query={mark}&limit=2{cursor}").json()
        seen += [one["user_id"] for one in reply["items"]]
        if reply["next_cursor"] is None:
            break
        cursor = f"&cursor={reply['next_cursor']}"
    assert sorted(seen) == sorted(one.user_id for one in made)
    (by_id,) = do(opened, admin, "GET", f"admin/users?query={made[0].user_id}").json()["items"]
    assert by_id["email"] == made[0].email
    assert do(opened, admin, "GET", "admin/users?query=%25%25").json()["items"] == []
    detail = do(opened, admin, "GET", f"admin/users/{made[0].user_id}").json()
    assert (detail["subscriptions"], detail["grants"], detail["second_factor"]) == ([], [], False)
    assert "password_hash" not in detail
    assert records(opened, admin) == ["admin.user_viewed"]


def test_a_locked_person_is_out_everywhere_and_in_again(opened: SignIns, admin: Person) -> None:
    email = opened.person()
    me = opened.login(email)
    (found,) = do(opened, admin, "GET", f"admin/users?query={email}").json()["items"]
    path = f"admin/users/{found['user_id']}"
    assert do(opened, admin, "POST", f"{path}/lock", WHY).json()["status"] == "locked"
    assert not opened.works(me.headers)
    assert opened.post("login", {"email": email, "password": PASSWORD}).status_code == 401
    assert do(opened, admin, "POST", f"{path}/unlock", WHY).json()["status"] == "active"
    again = opened.login(email)
    assert do(opened, admin, "POST", f"{path}/logout", WHY).json() == {"sessions": 1}
    assert not opened.works(again.headers)
    assert records(opened, admin) == ["admin.user_locked", "admin.user_unlocked", "admin.user_signed_out"]


def test_nobody_makes_himself_more_or_leaves_nobody_in_charge(opened: SignIns, admin: Person, person: Person) -> None:
    for path in ("role", "lock", "second-factor-reset"):
        body = {**WHY, "role": "user"} if path == "role" else WHY
        assert do(opened, admin, "POST", f"admin/users/{admin.user_id}/{path}", body).status_code == 409
    role = f"admin/users/{person.user_id}/role"
    assert do(opened, admin, "POST", role, {**WHY, "role": "admin"}).json()["role"] == "admin"
    # Its old session ended with its old role.
    assert do(opened, person, "GET", "users/me").status_code == 401
    assert do(opened, admin, "POST", role, {**WHY, "role": "user"}).json()["role"] == "user"
    assert do(opened, admin, "POST", role, {**WHY, "role": "owner"}).status_code == 422


def test_two_last_administrators_cannot_both_go(opened: SignIns) -> None:
    opened.rows("UPDATE serving.users SET role = 'user' WHERE role = 'admin'")
    pair = [
        make_user(opened.served.settings, role=Role.ADMIN, second_factor=True, now=opened.clock()) for _ in range(2)
    ]

    def unmake(index: int) -> int:
        path = f"admin/users/{pair[1 - index].user_id}/role"
        return do(opened, pair[index], "POST", path, {**WHY, "role": "user"}).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(unmake, range(2)))
    left = opened.rows("SELECT user_id FROM serving.users WHERE role = 'admin' AND status = 'active'")
    assert len(left) == 1, answers


def test_an_administrator_without_a_second_factor_gets_nowhere(opened: SignIns) -> None:
    bare = make_user(opened.served.settings, role=Role.ADMIN, now=opened.clock())
    refused = do(opened, bare, "GET", "admin/status")
    assert refused.status_code == 403
    assert "second factor" in refused.json()["detail"]


def test_whoever_looks_through_somebody_s_eyes_sees_and_changes_nothing(
    opened: SignIns, admin: Person, person: Person
) -> None:
    made = do(opened, admin, "POST", f"admin/users/{person.user_id}/impersonation", WHY)
    assert made.status_code == 201
    eyes = {"Authorization": f"Bearer {made.json()['access_token']}"}
    client = opened.served.client
    seen = client.get("/v1/users/me", headers=eyes).json()
    assert (seen["user_id"], seen["impersonated_by"]) == (person.user_id, admin.user_id)
    assert client.patch("/v1/users/me", json={"display_name": "x"}, headers=eyes).status_code == 403
    assert client.post("/v1/watchlists", json={"name": "x"}, headers=eyes).status_code == 403
    assert client.get("/v1/admin/status", headers=eyes).status_code == 403
    told = opened.rows(
        "SELECT details->>'path' AS path FROM serving.audit_log WHERE action = 'impersonation.request' "
        "AND impersonator_id = :id ORDER BY sequence",
        id=admin.user_id,
    )
    assert [row["path"] for row in told] == ["/v1/users/me", "/v1/users/me", "/v1/watchlists", "/v1/admin/status"]
    assert do(opened, admin, "DELETE", f"admin/impersonation/{made.json()['session_id']}").status_code == 204
    assert client.get("/v1/users/me", headers=eyes).status_code == 401
    second = do(opened, admin, "POST", f"admin/users/{person.user_id}/impersonation", WHY).json()
    opened.clock.move(minutes=15)
    late = {"Authorization": f"Bearer {second['access_token']}"}
    assert client.get("/v1/users/me", headers=late).status_code == 401
    opened.clock.move(minutes=-15)
    assert do(opened, admin, "POST", f"admin/users/{admin.user_id}/impersonation", WHY).status_code == 409


def test_a_signal_taken_down_stays_with_its_reason(opened: SignIns, admin: Person) -> None:
    signal = SIGNALS[0]["signal_id"]
    before = do(opened, admin, "GET", f"signals/{signal}").json()
    assert before["takedown"] is None
    path = f"admin/signals/{signal}/takedown"
    why = {"reason": "the exchange restated the bar"}
    assert do(opened, admin, "POST", path, why).status_code == 201
    assert do(opened, admin, "POST", path, why).status_code == 409
    after = do(opened, admin, "GET", f"signals/{signal}").json()
    assert after["takedown"]["reason"] == why["reason"]
    assert {**after, "takedown": None} == before
    assert signal in [one["signal_id"] for one in do(opened, admin, "GET", "signals?limit=500").json()["items"]]
    events = opened.rows("SELECT kind, reason FROM serving.signal_events WHERE signal_id = :id", id=signal)
    assert {"kind": "takedown", "reason": why["reason"]} in events
    with pytest.raises(Exception, match="never changed"):
        opened.rows("DELETE FROM serving.signal_takedowns")
    assert do(opened, admin, "POST", f"admin/signals/{NOBODY_S}/takedown", why).status_code == 404
    assert [one["signal_id"] for one in do(opened, admin, "GET", "admin/signals/takedowns").json()["items"]] == [signal]


def test_grants_and_plans_change_rights_at_once(opened: SignIns, admin: Person, person: Person) -> None:
    body = {**WHY, "plan": "pro", "until": "2030-01-01T00:00:00Z"}
    grant = do(opened, admin, "POST", f"admin/users/{person.user_id}/grants", body)
    assert grant.status_code == 201, grant.text
    assert do(opened, person, "GET", "users/me").json()["plan"]["plan"] == "pro"
    assert do(opened, admin, "PATCH", "admin/plans/pro", {"streams": 7}).json()["streams"] == 7
    assert do(opened, person, "GET", "users/me").json()["plan"]["streams"] == 7
    assert do(opened, admin, "DELETE", f"admin/grants/{grant.json()['grant_id']}").status_code == 200
    assert do(opened, person, "GET", "users/me").json()["plan"]["plan"] == "free"
    assert (
        do(opened, admin, "POST", f"admin/users/{person.user_id}/grants", {**body, "plan": "gold"}).status_code == 404
    )
    assert do(opened, admin, "PATCH", "admin/plans/free", {"price_minor": 100}).status_code == 409


def test_a_feature_is_switched_for_part_of_all_and_by_plan(opened: SignIns, admin: Person) -> None:
    listed = do(opened, admin, "GET", "admin/flags").json()["items"]
    assert {one["name"]: (one["enabled"], one["percentage"]) for one in listed} == {
        "sign_up": (True, 100),
        "exports": (True, 100),
    }
    off = {**WHY, "enabled": False}
    assert do(opened, admin, "PUT", "admin/flags/sign_up", off).json()["enabled"] is False
    opened.context.flags.forget()
    refused = opened.post("register", {"email": "late@example.com", "password": PASSWORD})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/switched-off")
    assert do(opened, admin, "PUT", "admin/flags/sign_up", {**WHY, "enabled": True}).status_code == 200
    opened.context.flags.forget()
    assert opened.post("register", {"email": "late@example.com", "password": PASSWORD}).status_code == 202
    assert do(opened, admin, "PUT", "admin/flags/no_such", off).status_code == 422
    assert do(opened, admin, "PUT", "admin/flags/exports", {**off, "plans": ["gold"]}).status_code == 422


def test_the_status_says_what_is_behind(opened: SignIns, admin: Person) -> None:
    status = do(opened, admin, "GET", "admin/status").json()
    assert {one["name"]: one["status"] for one in status["stores"]} == {
        "clickhouse": "ok",
        "postgres": "ok",
        "redis": "ok",
    }
    assert status["migrations"]["status"] == "ok"
    (btc,) = [one for one in status["series"] if (one["market"], one["timeframe"]) == ("binance:BTCUSDT", "15m")]
    assert btc["lag_s"] > 0
    assert status["signals"]["sequence"] >= len(SIGNALS)
    assert status["queues"] is not None
    assert status["disk"] is None or status["disk"]["free_bytes"] > 0


def test_the_audit_log_is_read_by_filter_and_checked(opened: SignIns, admin: Person, person: Person) -> None:
    for path in ("lock", "unlock", "logout"):
        do(opened, admin, "POST", f"admin/users/{person.user_id}/{path}", WHY)
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        path = f"admin/audit-log?target=user:{person.user_id}&limit=2{cursor}"
        reply = do(opened, admin, "GET", path).json()
        found += reply["items"]
        if reply["next_cursor"] is None:
            break
        cursor = f"&cursor={reply['next_cursor']}"
    assert [one["action"] for one in found] == ["admin.user_signed_out", "admin.user_unlocked", "admin.user_locked"]
    assert found[0]["details"]["reason"] == WHY["reason"]
    by = do(opened, admin, "GET", f"admin/audit-log?actor={admin.user_id}&action=admin.user_locked").json()["items"]
    assert len(by) == 1
    assert do(opened, admin, "GET", "admin/audit-log/verify").json()["whole"] is True


READS = (
    "adminListUsers",
    "adminListTakedowns",
    "adminListFlags",
    "adminGetStatus",
    "adminGetDataQuality",
    "adminListAuditLog",
)
"""What looks at no single person."""


def _deeds() -> list[tuple[str, str, str]]:
    paths: dict[str, Any] = create_app(bare_settings()).openapi()["paths"]
    return [
        (operation["operationId"], method.upper(), path)
        for path, item in sorted(paths.items())
        for method, operation in item.items()
        if operation["x-access"] == "administrator" and operation["operationId"] not in READS
    ]


def test_every_deed_leaves_a_record(opened: SignIns, served_invoice: dict[str, str]) -> None:
    """One more route that changes something and keeps no record fails here, as one whose deed is not described does."""
    bodies = {
        "adminChangeRole": {**WHY, "role": "admin"},
        "adminGivePlan": {**WHY, "plan": "pro", "until": "2030-01-01T00:00:00Z"},
        "adminChangePlan": {"streams": 3},
        "adminSwitchFlag": {**WHY, "enabled": True},
        "adminConfirmPayment": {"payment_ref": "test"},
        "adminRefund": {**WHY, "amount_minor": 1},
    }
    # What a deed needs to have been done before it.
    order = ("adminConfirmPayment", "adminRefund", "adminChargeBack", "adminSettleChargeBack")
    deeds = sorted(_deeds(), key=lambda one: (order.index(one[0]) if one[0] in order else -1, one[0]))
    for operation, method, path in deeds:
        admin = make_user(opened.served.settings, role=Role.ADMIN, second_factor=True, now=opened.clock())
        person = make_user(opened.served.settings, now=opened.clock())
        ids = {"user_id": person.user_id, "plan_id": "team", "name": "exports", "signal_id": SIGNALS[1]["signal_id"]}
        if operation == "adminEndImpersonation":
            made = do(opened, admin, "POST", f"admin/users/{person.user_id}/impersonation", WHY)
            ids["session_id"] = made.json()["session_id"]
        if operation == "adminTakePlanBack":
            made = do(opened, admin, "POST", f"admin/users/{person.user_id}/grants", bodies["adminGivePlan"])
            ids["grant_id"] = made.json()["grant_id"]
        if operation == "adminUnlockUser":
            do(opened, admin, "POST", f"admin/users/{person.user_id}/lock", WHY)
        before = len(records(opened, admin))
        url = path.removeprefix("/v1/").format(**{**served_invoice, **ids})
        reply = do(opened, admin, method, url, bodies.get(operation, WHY if method == "POST" else None))
        assert reply.is_success, (operation, reply.text)
        assert len(records(opened, admin)) > before, f"{operation} left no record"


@pytest.fixture
def served_invoice(opened: SignIns) -> dict[str, str]:
    """A subscription of the manual provider with an open invoice."""
    admin = make_user(opened.served.settings, role=Role.ADMIN, second_factor=True, now=opened.clock())
    assert do(opened, admin, "PATCH", "admin/plans/pro", {"trial_days": 0}).is_success
    person = make_user(opened.served.settings, now=opened.clock())
    made = do(opened, person, "POST", "subscriptions", {"plan": "pro"})
    assert made.is_success, made.text
    listed = do(opened, person, "GET", "invoices").json()["items"]
    return {"subscription_id": made.json()["subscription_id"], "invoice_id": listed[0]["invoice_id"]}
