"""Alerts from a rule to the person, over real connections on every channel."""

from __future__ import annotations

import hashlib
import io
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
import structlog

from api.mail import Template, queue_mail
from deploy.local.stack import LocalStack
from stores import database
from tests.api.alert_servers import TOKEN
from tests.api.alert_stage import EVERYTHING, Stage, stage
from tests.api.delivery_fixtures import rows
from tests.api.receivers import Answer

SIGNAL = {"kind": "signal", "markets": ["binance:BTCUSDT"]}
TELEGRAM = [{"type": "telegram"}]
PUSH = [{"type": "push"}]


@pytest.fixture(scope="module")
def here(stack: LocalStack) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patched, stage(stack, patched) as running:
        yield running


@pytest.fixture(autouse=True)
def _as_it_was(here: Stage) -> Iterator[None]:
    yield
    here.bot.refusals.clear()
    here.push.status, here.push.headers = 201, {}


def test_a_signal_reaches_every_channel_once_and_the_history_says_so(here: Stage) -> None:
    anna = here.person()
    here.chat_of(anna, 101)
    browser = here.browser_of(anna, "anna")
    hook = here.webhook_of(anna)
    channels = [{"type": "email"}, *TELEGRAM, *PUSH, {"type": "webhook", "webhook_id": hook}]
    alert = here.rule(anna, SIGNAL, channels)
    here.clock.move(minutes=1)
    signal = here.publish(1, here.clock.now)

    here.until(lambda: set(here.states(anna, alert).values()) >= {"sent"} and len(here.hook.received) == 1)
    here.until(
        lambda: here.states(anna, alert) == {"email": "sent", "telegram": "sent", "push": "sent", "webhook": "queued"}
    )

    (firing,) = here.history(anna, alert)
    assert firing["title"] == "Long signal: binance:BTCUSDT 15m"
    assert firing["event"]["signal_id"] == signal
    mail = next(one for one in here.mails.mails if one["To"] == anna.email)
    assert mail["Subject"] == firing["title"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "my <b>rule</b> & yours" in body.get_content()
    said = [one for one in here.bot.messages if one["chat_id"] == 101]
    assert len(said) == 2, "that it is linked, and the alert"
    assert "my &lt;b&gt;rule&lt;/b&gt; &amp; yours" in said[1]["text"]
    assert said[1]["text"].startswith("<b>Long signal: binance:BTCUSDT 15m</b>\n")
    (pushed,) = here.push.messages
    assert (pushed["title"], pushed["alert_id"]) == (firing["title"], alert)
    assert here.push.sizes[0] < 3_000
    assert here.push.senders[-1]["sub"] == "mailto:signals@example.com"
    assert here.push.senders[-1]["exp"] <= int((here.clock.now + timedelta(hours=24)).timestamp())
    told = orjson.loads(here.hook.received[0].body)
    assert (told["type"], told["data"]["alert_id"]) == ("alert.triggered", alert)
    assert f"push:{browser}" in {one["channel"] for one in firing["channels"]}


def test_one_click_ends_the_mails_of_a_rule_and_nothing_else(here: Stage) -> None:
    anna = here.person()
    here.chat_of(anna, 102)
    alert = here.rule(anna, SIGNAL, [{"type": "email"}, *TELEGRAM])
    here.post(anna, f"/v1/alerts/{alert}/test", 202)
    here.until(lambda: any(one["To"] == anna.email for one in here.mails.mails))
    mail = next(one for one in here.mails.mails if one["To"] == anna.email)
    assert mail["Subject"].startswith("Test: ")
    link = mail["List-Unsubscribe"].strip("<>").removeprefix("https://signals.example.com")

    assert here.client.get(link).status_code in (404, 405, 401), "looking at a link must change nothing"
    for wrong in (link[:-1] + ("A" if link[-1] != "A" else "B"), link.replace(alert, "0" * 36), link[:-5]):
        assert here.client.post(wrong).status_code == 404
    shown = here.client.get(f"/v1/alerts/{alert}", headers=anna.headers).json()
    assert len(shown["channels"]) == 2

    for _ in range(2):
        assert here.client.post(link, content="List-Unsubscribe=One-Click").status_code == 204
    shown = here.client.get(f"/v1/alerts/{alert}", headers=anna.headers).json()
    assert (shown["channels"], shown["enabled"]) == (TELEGRAM, True)


def test_a_rule_that_had_only_mails_is_switched_off_by_that_click(here: Stage) -> None:
    anna = here.person()
    alert = here.rule(anna, SIGNAL, [{"type": "email"}])
    here.post(anna, f"/v1/alerts/{alert}/test", 202)
    here.until(lambda: any(one["To"] == anna.email for one in here.mails.mails))
    mail = next(one for one in here.mails.mails if one["To"] == anna.email)
    assert (
        here.client.post(mail["List-Unsubscribe"].strip("<>")[len("https://signals.example.com") :]).status_code == 204
    )
    shown = here.client.get(f"/v1/alerts/{alert}", headers=anna.headers).json()
    assert (shown["channels"], shown["enabled"]) == ([{"type": "email"}], False)


def test_a_code_links_one_chat_once_and_only_in_private(here: Stage) -> None:
    anna, bert = here.person(), here.person()
    old = here.post(anna, "/v1/telegram/link", 201)["code"]
    made = here.post(anna, "/v1/telegram/link", 201)
    assert made["link"] == f"https://t.me/our_bot?start={made['code']}"

    def replies(chat: int) -> list[str]:
        return [one["text"].split("</b>")[0][3:] for one in here.bot.messages if one["chat_id"] == chat]

    here.bot.says(201, f"/start {old}")
    here.bot.says(202, f"/start {made['code']}", kind="group")
    here.bot.says(203, f"/start {made['code']}")
    here.bot.says(204, f"/start {made['code']}")
    here.bot.says(205, "hello")
    here.until(lambda: replies(205))
    assert (replies(201), replies(202), replies(203)) == (["This code is not good"], [], ["Linked"])
    assert (replies(204), replies(205)) == (["This code is not good"], ["Alerts"])
    shown = here.client.get("/v1/telegram", headers=anna.headers).json()
    assert (shown["linked"], shown["name"]) == (True, "user203")
    assert here.client.get("/v1/telegram", headers=bert.headers).json()["linked"] is False

    late = here.post(bert, "/v1/telegram/link", 201)["code"]
    here.clock.move(minutes=10, seconds=1)
    here.bot.says(206, f"/start {late}")
    here.until(lambda: replies(206))
    assert replies(206) == ["This code is not good"]

    here.bot.says(203, "/stop")
    here.until(lambda: len(replies(203)) == 2)
    assert here.client.get("/v1/telegram", headers=anna.headers).json()["linked"] is False
    stored = rows(here.settings, "SELECT encode(digest, 'escape') AS digest FROM serving.telegram_codes")
    assert all(made["code"] not in row["digest"] for row in stored)


def test_a_chat_that_blocks_the_bot_is_no_longer_linked(here: Stage) -> None:
    anna, bert = here.person(), here.person()
    here.chat_of(anna, 301)
    here.chat_of(bert, 302)
    alert = here.rule(anna, SIGNAL, TELEGRAM)
    here.until(lambda: len([one for one in here.bot.messages if one["chat_id"] in (301, 302)]) == 2)
    here.bot.refuse(403, "Forbidden: bot was blocked by the user")
    here.post(anna, f"/v1/alerts/{alert}/test", 202)
    here.until(lambda: here.states(anna, alert) == {"telegram": "failed"})
    assert here.client.get("/v1/telegram", headers=anna.headers).json()["linked"] is False
    here.bot.blocks(302)
    here.until(lambda: not here.client.get("/v1/telegram", headers=bert.headers).json()["linked"])


def test_telegram_is_asked_again_when_it_said_and_not_before(here: Stage) -> None:
    anna = here.person()
    here.chat_of(anna, 401)
    alert = here.rule(anna, SIGNAL, TELEGRAM)
    here.until(lambda: [one for one in here.bot.messages if one["chat_id"] == 401])
    here.bot.refuse(429, "Too Many Requests: retry after 70", parameters={"retry_after": 70})
    here.post(anna, f"/v1/alerts/{alert}/test", 202)
    here.until(lambda: here.states(anna, alert) == {"telegram": "retrying"})
    (waiting,) = rows(
        here.settings, "SELECT next_at FROM serving.outbox WHERE topic = 'telegram' AND state = 'pending'"
    )
    assert waiting["next_at"] >= here.clock.now + timedelta(seconds=70)
    here.clock.move(seconds=300)
    here.until(lambda: here.states(anna, alert) == {"telegram": "sent"})


def test_a_browser_that_is_gone_is_forgotten_and_one_that_is_not_is_tried_again(here: Stage) -> None:
    anna = here.person()
    here.browser_of(anna, "here-to-stay")
    (known,) = here.client.get("/v1/push-subscriptions", headers=anna.headers).json()["items"]
    endpoint = here.push.subscription("here-to-stay")["endpoint"]
    assert known["endpoint_sha256"] == hashlib.sha256(endpoint.encode()).hexdigest()
    assert endpoint not in str(known), "whoever has it can send to the browser"
    alert = here.rule(anna, SIGNAL, PUSH)
    here.push.status, here.push.headers = 503, {"Retry-After": "60"}
    here.post(anna, f"/v1/alerts/{alert}/test", 202)
    here.until(lambda: here.states(anna, alert) == {"push": "retrying"})
    here.push.status = 201
    here.clock.move(minutes=10)
    here.until(lambda: here.states(anna, alert) == {"push": "sent"})
    here.push.status = 410
    here.post(anna, f"/v1/alerts/{alert}/test", 202)
    here.until(lambda: here.states(anna, alert) == {"push": "failed"})
    assert here.client.get("/v1/push-subscriptions", headers=anna.headers).json()["items"] == []


def test_a_browser_cannot_be_an_address_of_ours(here: Stage) -> None:
    anna = here.person()
    keys = here.push.subscription()["keys"]
    for endpoint in (
        "http://169.254.169.254/latest",
        "https://10.0.0.1/",
        "file:///etc/passwd",
        "https://a@b.example/",
    ):
        body = {"endpoint": endpoint, "keys": keys}
        refused = here.client.post("/v1/push-subscriptions", json=body, headers=anna.headers)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "endpoint"), endpoint
    for bad in ({**keys, "auth": "AAAA"}, {**keys, "p256dh": "A" * 87}, {**keys, "p256dh": "€"}):
        body = {"endpoint": "https://push.example.com/x", "keys": bad}
        refused = here.client.post("/v1/push-subscriptions", json=body, headers=anna.headers)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "keys")


def test_no_secret_is_in_logs_errors_or_rows(here: Stage, caplog: pytest.LogCaptureFixture) -> None:
    logged = io.StringIO()
    caplog.set_level(logging.INFO)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(logged))
    anna = here.person()
    here.chat_of(anna, 501)
    browser = here.browser_of(anna, "canary-of-an-endpoint")
    alert = here.rule(anna, SIGNAL, [*TELEGRAM, *PUSH])
    here.push.status = 500
    answer, here.bot.receiver.answer = here.bot.receiver.answer, lambda _: Answer(500, {}, b"<html>no JSON</html>")
    try:
        here.post(anna, f"/v1/alerts/{alert}/test", 202)
        here.until(lambda: here.states(anna, alert) == {"telegram": "retrying", "push": "retrying"})
        here.until(lambda: "duty_failed" in logged.getvalue())
        kept = str(rows(here.settings, "SELECT payload, last_error FROM serving.outbox"))
        kept += str(rows(here.settings, "SELECT detail FROM serving.alert_notices"))
        kept += str(rows(here.settings, "SELECT sealed, label FROM serving.push_subscriptions"))
        here.bot.receiver.answer = answer
        here.push.status = 201
        here.clock.move(minutes=10)
        here.until(lambda: here.states(anna, alert) == {"telegram": "sent", "push": "sent"})
    finally:
        here.bot.receiver.answer = answer
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    canaries = (TOKEN, TOKEN.split(":")[1], "canary-of-an-endpoint")
    for canary in canaries:
        assert canary not in logged.getvalue() + caplog.text + kept
    assert browser in kept, "looked at the right rows"
    assert "duty_failed" in logged.getvalue()


def test_a_token_is_kept_only_while_its_mail_is_on_its_way(here: Stage) -> None:
    engine = database.engine(here.settings, pool_size=1)
    with database.session(engine) as session:
        for key in ("arrives", "refused"):
            context = {"token": f"token-that-{key}", "expires_at": here.clock.now}
            to = f"{key}@{key}.example.com"
            queue_mail(session, to, Template.PASSWORD_RESET, context, key=key, now=here.clock.now)
        here.mails.refuses.add("refused@refused.example.com")
    engine.dispose()
    sql = (
        "SELECT key, state, payload::text AS kept FROM serving.outbox WHERE key IN ('arrives', 'refused') ORDER BY key"
    )
    here.until(lambda: [row["state"] for row in rows(here.settings, sql)] == ["done", "dead"])
    assert "token-that-" not in str(rows(here.settings, sql))
    assert "token-that-arrives" in str(
        next(one for one in here.mails.mails if one["To"] == "arrives@arrives.example.com")
    )


def test_an_alert_goes_to_the_address_the_person_has_when_it_is_sent(here: Stage) -> None:
    late = replace(EVERYTHING, signal_delay=timedelta(minutes=15))
    anna, bert = here.person(late), here.person(late)
    alerts = [here.rule(one, SIGNAL, [{"type": "email"}]) for one in (anna, bert)]
    here.clock.move(minutes=1)
    here.publish(700, here.clock.now)
    here.looked()
    rows(here.settings, "UPDATE serving.users SET email = 'new@anna.example' WHERE user_id = :id", id=anna.user_id)
    rows(here.settings, "UPDATE serving.users SET email_verified_at = NULL WHERE user_id = :id", id=bert.user_id)
    here.clock.move(minutes=15)
    here.until(lambda: here.states(anna, alerts[0]) == {"email": "sent"})
    here.until(lambda: here.states(bert, alerts[1]) == {"email": "failed"})
    addresses = {str(one["To"]) for one in here.mails.mails}
    assert "new@anna.example" in addresses
    assert not addresses & {anna.email, bert.email}


def test_a_person_has_only_so_many_browsers(here: Stage) -> None:
    anna, bert = here.person(EVERYTHING), here.person()
    ids = [here.browser_of(anna, f"number {number}".replace(" ", "-")) for number in range(20)]
    refused = here.client.post("/v1/push-subscriptions", json=here.push.subscription("one-more"), headers=anna.headers)
    assert refused.status_code == 409
    again = here.browser_of(anna, "number-3")
    assert again == ids[3], "the same browser"
    assert here.browser_of(bert, "number-3") == ids[3], "he who uses the browser now has it"
    listed = here.client.get("/v1/push-subscriptions", headers=anna.headers).json()["items"]
    assert ids[3] not in {one["subscription_id"] for one in listed}
    assert here.client.delete(f"/v1/push-subscriptions/{ids[3]}", headers=anna.headers).status_code == 404
    assert here.client.delete(f"/v1/push-subscriptions/{ids[3]}", headers=bert.headers).status_code == 204
