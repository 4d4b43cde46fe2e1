"""Every mail is written with what it names, in text and in HTML, and nothing can be smuggled into it."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from api.mail import BadAddress, Template, queue_mail
from api.mails import rendering

URL = "https://signals.example.com"
VALUES = {name: f"value-of-{name}" for template in Template for name in rendering.names(template.value)}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value is not None]

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(page: str) -> _Page:
    parser = _Page()
    parser.feed(page)
    return parser


@pytest.mark.parametrize("template", list(Template))
def test_every_mail_is_written_with_all_that_it_names(template: Template) -> None:
    written = rendering.render(template.value, VALUES, public_url=URL)
    page = _read(written.html)
    assert written.subject
    assert "{" not in written.subject + written.text + page.text
    for name in rendering.names(template.value):
        assert VALUES[name] in written.subject + written.text
    assert all(link.startswith(f"{URL}/") for link in page.links)
    assert all(link in written.text for link in page.links)
    assert set(page.tags) <= {"html", "head", "meta", "title", "body", "div", "p", "a", "br"}
    assert "url(" not in written.html
    assert "@import" not in written.html


@pytest.mark.parametrize(
    ("template", "name"),
    [(template, name) for template in Template for name in sorted(rendering.names(template.value))],
)
def test_a_missing_value_is_an_error(template: Template, name: str) -> None:
    context = {key: value for key, value in VALUES.items() if key != name}
    with pytest.raises(rendering.MissingValue, match=name):
        rendering.render(template.value, context, public_url=URL)


def test_values_are_text_and_never_markup_or_another_header() -> None:
    context = {
        "title": "BTC\r\nBcc: thief@example.com",
        "text": "<script>alert(1)</script> & {alert_id}",
        "alert_id": "1&x=<b>\n/../",
    }
    written = rendering.render("alert", context, public_url=URL)
    assert written.subject == "BTC Bcc: thief@example.com"
    assert "<script>" not in written.html
    assert "<b>" not in written.html
    assert "{alert_id}" in written.text
    assert _read(written.html).links == [f"{URL}/alerts?id=1%26x%3D%3Cb%3E%0A%2F..%2F"]


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\n",
        "a@example.com, b@example.com",
        "A <a@example.com>",
        "a@b@example.com",
        "a\x00@example.com",
        "nobody",
        "",
    ],
)
def test_an_address_that_is_more_than_one_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        queue_mail(None, address, Template.ADDRESS_IN_USE, {}, key="1", now=datetime.now(UTC))  # type: ignore[arg-type]


def test_an_unknown_language_and_a_path_for_one_get_english() -> None:
    english = rendering.render("invoice", VALUES, public_url=URL)
    for locale in ("tlh", "en-GB", "../../en", "", "x" * 500):
        assert rendering.render("invoice", VALUES, public_url=URL, locale=locale) == english


def test_instants_are_shown_in_utc_whether_given_as_such_or_read_back_from_the_outbox() -> None:
    for value in (datetime(2026, 3, 1, 12, 5, tzinfo=UTC), "2026-03-01T12:05:00+00:00", "2026-03-01T14:05:00.5+02:00"):
        written = rendering.render("account_locked", {"until": value}, public_url=URL)
        assert "until 2026-03-01 12:05 UTC" in written.text
