"""Sessions: how they go on and how they end; tokens of other makers; cookies and foreign pages; clocks that jump."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import jwt
import pytest

from api.accounts.sessions import Client, refresh
from api.audit import Actor
from api.security.vault import Vault
from deploy.local.stack import LocalStack
from stores import database
from tests.api.signing import PASSWORD, SignIns, sign_ins


@pytest.fixture(scope="module")
def auth(stack: LocalStack) -> Iterator[SignIns]:
    with sign_ins(stack) as running:
        yield running


def _refresh(auth: SignIns, token: str, **headers: str) -> httpx.Response:
    return auth.post("refresh", {"refresh_token": token}, headers)


def test_a_session_goes_on_by_tokens_that_are_good_once(auth: SignIns) -> None:
    signed_in = auth.login(auth.person())
    token = signed_in.refresh_token
    seen = {token}
    for _ in range(5):
        auth.clock.move(minutes=9)
        body = _refresh(auth, token).json()
        token = body["refresh_token"]
        assert body["session_id"] == signed_in.body["session_id"]
        assert auth.works({"Authorization": f"Bearer {body['access_token']}"})
        seen.add(token)
    assert len(seen) == 6
    assert not auth.works(signed_in.headers)
    kept = auth.rows("SELECT token_digest FROM serving.refresh_tokens")
    assert all(token.encode() not in bytes(row["token_digest"]) for row in kept)


@pytest.mark.parametrize("stolen", [0, 1])
def test_a_token_used_twice_ends_the_session_of_thief_and_owner(auth: SignIns, stolen: int) -> None:
    email = auth.person()
    other = auth.login(email)
    tokens = [auth.login(email).refresh_token]
    for _ in range(2):
        auth.clock.move(seconds=30)
        tokens.append(_refresh(auth, tokens[-1]).json()["refresh_token"])
    auth.clock.move(seconds=30)
    newest = _refresh(auth, tokens[-1]).json()
    assert _refresh(auth, tokens[stolen]).status_code == 401
    assert _refresh(auth, newest["refresh_token"]).status_code == 401
    assert not auth.works({"Authorization": f"Bearer {newest['access_token']}"})
    assert auth.works(other.headers)
    assert len(auth.mails(email, "refresh_reused")) == 1
    assert auth.actions(email).count("session.refresh_reused") == 1


def test_a_doubled_request_of_one_client_neither_ends_nor_forks_the_session(auth: SignIns) -> None:
    email = auth.person()
    token = auth.login(email).refresh_token
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: _refresh(auth, token), range(8)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1
    auth.clock.move(seconds=9)
    following = _refresh(auth, token).json()["refresh_token"]
    assert following == replies[0].json()["refresh_token"]
    rows = auth.rows(
        "SELECT count(*) AS n FROM serving.refresh_tokens JOIN serving.sessions USING (session_id) "
        "JOIN serving.users USING (user_id) WHERE email = :email",
        email=email,
    )
    assert rows[0]["n"] == 2
    assert auth.mails(email, "refresh_reused") == []


def test_a_session_never_forks_however_many_processes_are_asked(auth: SignIns) -> None:
    engine = database.engine(auth.served.settings, pool_size=8, max_overflow=0)
    begin = threading.Barrier(8)

    def ask(token: str) -> str:
        begin.wait(timeout=30)
        with database.session(engine) as session:
            client, actor = Client("device", "192.0.2.1"), Actor(None, "test")
            opened = refresh(auth.context, session, token, client, actor, auth.clock.now)
        assert opened is not None
        return opened.refresh_token

    token = auth.login(auth.person()).refresh_token
    for _ in range(10):
        with ThreadPoolExecutor(8) as pool:
            (token,) = set(pool.map(ask, [token] * 8))
    engine.dispose()


@pytest.mark.parametrize("how", ["later", "other client", "after the next one was used"])
def test_what_is_no_doubled_request_is_a_theft(auth: SignIns, how: str) -> None:
    email = auth.person()
    token = auth.login(email).refresh_token
    following = _refresh(auth, token).json()["refresh_token"]
    headers = {}
    if how == "later":
        auth.clock.move(seconds=11)
    elif how == "other client":
        headers = {"User-Agent": "another"}
    else:
        assert _refresh(auth, following).status_code == 200
    assert _refresh(auth, token, **headers).status_code == 401
    assert _refresh(auth, following).status_code == 401
    assert auth.mails(email, "refresh_reused")


def test_sessions_end_by_age_and_by_rest(auth: SignIns) -> None:
    email = auth.person()
    idle, used = auth.login(email).refresh_token, auth.login(email).refresh_token
    for _ in range(3):
        auth.clock.move(days=9)
        used = _refresh(auth, used).json()["refresh_token"]
    assert _refresh(auth, idle).status_code == 401
    auth.clock.move(days=3, seconds=1)
    assert _refresh(auth, used).status_code == 401


def test_a_logout_counts_at_once(auth: SignIns) -> None:
    email = auth.person()
    by_access, by_refresh, other = auth.login(email), auth.login(email), auth.login(email)
    assert auth.post("logout", headers=by_access.headers).status_code == 204
    assert auth.post("logout", {"refresh_token": by_refresh.refresh_token}).status_code == 204
    for ended in (by_access, by_refresh):
        assert not auth.works(ended.headers)
        assert _refresh(auth, ended.refresh_token).status_code == 401
        assert auth.post("logout", {"refresh_token": ended.refresh_token}).status_code == 401
    assert auth.post("logout").status_code == 401
    assert auth.works(other.headers)
    assert auth.post("logout-everywhere", headers=other.headers).status_code == 204
    assert not auth.works(other.headers)
    assert auth.mails(email, "refresh_reused") == []


def test_a_new_device_is_told_of_once(auth: SignIns) -> None:
    email = auth.person()
    for device in ("first", "first", "second", "second"):
        reply = auth.post("login", {"email": email, "password": PASSWORD}, {"User-Agent": device})
        assert reply.status_code == 200
    told = auth.mails(email, "new_sign_in")
    assert [mail["context"]["device"] for mail in told] == ["second"]


def _forged(auth: SignIns, token: str) -> dict[str, str]:
    header = jwt.get_unverified_header(token)
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    tokens = auth.context.tokens
    ours, public = tokens._private, tokens._public  # pyright: ignore[reportPrivateUsage]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    theirs = Ed25519PrivateKey.generate()

    def signed(changes: dict[str, Any] | None = None, key: Any = ours, **headers: Any) -> str:
        return jwt.encode({**claims, **(changes or {})}, key, "EdDSA", headers={**header, **headers})

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    import hashlib
    import hmac

    signing_input = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    confused = {
        f"HS256 by our public key {name}": signing_input
        + "."
        + base64.urlsafe_b64encode(hmac.digest(key, signing_input.encode(), hashlib.sha256)).rstrip(b"=").decode()
        for name, key in (("raw", public.public_bytes_raw()), ("pem", pem))
    }
    now = int(auth.clock.now.timestamp())
    return {
        "none": f"{part({**header, 'alg': 'none'})}.{part(claims)}.",
        "no signature": token.rpartition(".")[0] + ".",
        "None": f"{part({**header, 'alg': 'None'})}.{part(claims)}.{token.rpartition('.')[2]}",
        **confused,
        "their key": signed(key=theirs),
        "their key by kid": signed(key=theirs, kid="../../dev/null"),
        "their key by jku": signed(key=theirs, jku="https://keys.example/jwks.json"),
        "their key by jwk": signed(key=theirs, jwk={"kty": "OKP", "crv": "Ed25519", "x": part("x")}),
        "expired": signed({"exp": now}),
        "never expires": jwt.encode(
            {name: value for name, value in claims.items() if name != "exp"}, ours, "EdDSA", headers=header
        ),
        "wrong audience": signed({"aud": "another"}),
        "wrong issuer": signed({"iss": "another"}),
        "another kind": signed(typ="JWT"),
        "from the future": signed({"iat": now + 120, "exp": now + 600}),
        "another person": signed({"sub": "00000000-0000-4000-8000-000000000000"}),
        "another session": signed({"sid": "00000000-0000-4000-8000-000000000000"}),
        "no session": signed({"sid": "x"}),
        "altered": f"{token.split('.')[0]}.{part({**claims, 'exp': now + 9_999})}.{token.split('.')[2]}",
        "from another secret key": _of_another_key(claims, header),
    }


def _of_another_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
    from api.security.tokens import AccessTokens

    key = AccessTokens(Vault("another secret key of this length"))._private  # pyright: ignore[reportPrivateUsage]
    return jwt.encode(claims, key, "EdDSA", headers=header)


def test_only_tokens_of_ours_that_are_good_now_are_taken(auth: SignIns) -> None:
    signed_in = auth.login(auth.person())
    token = signed_in.body["access_token"]
    assert auth.works(signed_in.headers)
    forged = _forged(auth, token)
    assert len(forged) == 20
    for name, one in forged.items():
        for headers in ({"Authorization": f"Bearer {one}"}, {"Cookie": f"cap_access={one}"}):
            reply = auth.get("second-factor", headers)
            assert reply.status_code == 401, name
            assert reply.json()["type"] == "/problems/unauthenticated"
    # A refresh token is no access token, nor the other way round.
    assert not auth.works({"Authorization": f"Bearer {signed_in.refresh_token}"})
    assert _refresh(auth, token).status_code == 401
    auth.post("logout", headers=signed_in.headers)
    assert not auth.works(signed_in.headers)


def _browser(auth: SignIns, email: str, **headers: str) -> tuple[httpx.Response, dict[str, str], str]:
    reply = auth.post("login", {"email": email, "password": PASSWORD, "cookies": True}, headers)
    auth.served.client.cookies.clear()
    jar = SimpleCookie()
    for line in reply.headers.get_list("set-cookie"):
        jar.load(line)
    sent = "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())
    return reply, {"Cookie": sent}, reply.json().get("csrf_token", "")


def test_a_browser_gets_tokens_no_script_can_read(auth: SignIns) -> None:
    reply, cookies, token = _browser(auth, auth.person())
    assert "access_token" not in reply.json()
    assert "refresh_token" not in reply.json()
    lines = {line.split("=")[0]: line.lower() for line in reply.headers.get_list("set-cookie")}
    assert set(lines) == {"cap_access", "cap_refresh", "cap_csrf"}
    assert all("samesite=strict" in line for line in lines.values())
    assert "httponly" in lines["cap_access"]
    assert "httponly" in lines["cap_refresh"]
    assert "path=/v1/auth;" in lines["cap_refresh"]
    assert "httponly" not in lines["cap_csrf"]
    assert "secure" not in lines["cap_access"]
    assert auth.works(cookies)
    assert auth.get("csrf", cookies).json() == {"csrf_token": token}


def test_by_https_cookies_are_bound_to_it(stack: LocalStack) -> None:
    with sign_ins(stack, public_url="https://cap.example") as auth:
        email = auth.person()
        reply, cookies, _ = _browser(auth, email, Origin="https://cap.example")
        lines = {line.split("=")[0]: line.lower() for line in reply.headers.get_list("set-cookie")}
        assert set(lines) == {"__Host-cap_access", "__Secure-cap_refresh", "__Host-cap_csrf"}
        assert all("; secure" in line for line in lines.values())
        assert auth.works(cookies)
        plain = {"Cookie": cookies["Cookie"].replace("__Host-cap_access", "cap_access")}
        assert not auth.works(plain)


def test_a_write_by_cookie_needs_the_token_and_a_page_of_ours(auth: SignIns) -> None:
    email = auth.person()
    _, cookies, token = _browser(auth, email)
    _, _, others = _browser(auth, auth.person())
    ours = f"http://127.0.0.1:{auth.served.port}"
    good = {**cookies, "X-CSRF-Token": token, "Origin": ours}
    for name, headers in {
        "no token": {**cookies, "Origin": ours},
        "another session's token": {**good, "X-CSRF-Token": others},
        "an empty token": {**good, "X-CSRF-Token": ""},
        "no text": {**good, "X-CSRF-Token": "\x80"},
        "another origin": {**good, "Origin": "https://elsewhere.example"},
        "null origin": {**good, "Origin": "null"},
        "our name, another port": {**good, "Origin": "http://127.0.0.1:1"},
    }.items():
        for path in ("refresh", "logout", "logout-everywhere"):
            encoded = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]
            reply = auth.served.client.post(f"/v1/auth/{path}", headers=encoded)
            assert (reply.status_code, reply.json()["type"]) == (403, "/problems/csrf"), (name, path)
    assert auth.works(cookies)
    renewed = auth.post("refresh", headers=good)
    auth.served.client.cookies.clear()
    assert renewed.status_code == 200
    assert "access_token" not in renewed.json()
    assert renewed.json()["csrf_token"] == token
    assert auth.post("logout", headers=good).status_code == 204
    auth.served.client.cookies.clear()
    assert not auth.works(cookies)


def test_signing_in_again_ends_the_session_a_browser_had(auth: SignIns) -> None:
    email = auth.person()
    elsewhere = auth.login(email)
    _, first, _ = _browser(auth, email)
    assert auth.post("login", {"email": email, "password": "wrong one, all wrong", "cookies": True}, first).is_error
    assert auth.works(first)
    _, second, _ = _browser(auth, email, **first)
    assert not auth.works(first)
    assert auth.works(second)
    assert auth.works(elsewhere.headers)


def test_a_foreign_page_cannot_sign_somebody_in(auth: SignIns) -> None:
    body = {"email": auth.person(), "password": PASSWORD, "cookies": True}
    reply = auth.post("login", body, {"Origin": "https://elsewhere.example"})
    assert reply.json()["type"] == "/problems/csrf"
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("minutes", [5, -5])
def test_tokens_stay_sane_when_the_clock_jumps(auth: SignIns, minutes: int) -> None:
    email = auth.person()
    signed_in = auth.login(email)
    following = _refresh(auth, signed_in.refresh_token).json()
    auth.clock.move(minutes=minutes)
    # Forward: five of ten minutes are left. Back: it is from the future, until it is refreshed.
    assert auth.works(signed_in.headers) == (minutes > 0)
    renewed = _refresh(auth, following["refresh_token"])
    assert renewed.status_code == 200
    headers = {"Authorization": f"Bearer {renewed.json()['access_token']}"}
    assert auth.works(headers)
    auth.clock.move(minutes=-minutes)
    again = auth.login(email)
    assert auth.works(again.headers)
    auth.clock.now += timedelta(minutes=10)
    assert not auth.works(again.headers)
    # A copied token is one, however the clock jumps.
    assert _refresh(auth, signed_in.refresh_token).status_code == 401
    assert auth.mails(email, "refresh_reused")
