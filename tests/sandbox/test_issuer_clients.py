"""The issuer on the wire: login in a browser, clients that register themselves and go."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from ctaclient.sandbox import Options, Sandbox, approve
from ctaclient.sandbox.person import parse_form
from tests.sandbox.conftest import DEVICE_GRANT, Reply, Wire

if TYPE_CHECKING:
    from pathlib import Path

REDIRECT = "http://127.0.0.1:40000/callback"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
WANTED = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "openid offline_access",
    "state": "state-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
METADATA = {
    "client_name": "test",
    "token_endpoint_auth_method": "none",
    "grant_types": [DEVICE_GRANT, "refresh_token"],
    "redirect_uris": [],
}


def open_page(wire: Wire, **changes: str | None) -> Reply:
    """The page for a login in a browser."""
    asked = {"client_id": wire.box.client_id, **WANTED, **changes}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return wire.ask("GET", f"{wire.box.issuer_url}/authorize?{query}")


def answer(wire: Wire, page: Reply, button: str = "Approve") -> Reply:
    """What comes of pressing a button there."""
    form = parse_form(page.body.decode())
    name, value = form.buttons[button]
    return wire.post(form.action, {**form.fields, name: value})


def sent_back(reply: Reply) -> dict[str, str]:
    """What the browser brings to the client."""
    assert reply.status == 302, reply
    assert reply.headers["location"].startswith(REDIRECT + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}


def redeem(wire: Wire, code: str, **changes: str) -> Reply:
    form = {
        "grant_type": "authorization_code",
        "client_id": wire.box.client_id,
        "redirect_uri": REDIRECT,
        "code": code,
        "code_verifier": VERIFIER,
    }
    return wire.post("/token", {**form, **changes})


def test_a_login_in_a_browser(wire: Wire) -> None:
    page = open_page(wire)
    assert "form-action 'self' http://127.0.0.1:*;" in page.headers["content-security-policy"]
    back = sent_back(answer(wire, page))
    assert (back["state"], back["iss"]) == ("state-1", wire.box.issuer_url)
    tokens = redeem(wire, back["code"])
    assert tokens.status == 200
    assert wire.refresh(tokens.json()["refresh_token"]).status == 200
    assert redeem(wire, back["code"]).json()["error"] == "invalid_grant"
    assert answer(wire, page).status == 403  # decided


def test_a_person_denies(wire: Wire) -> None:
    back = sent_back(answer(wire, open_page(wire), "Deny"))
    assert back == {"error": "access_denied", "state": "state-1", "iss": wire.box.issuer_url}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1.evil.example:1/callback"},
        {"redirect_uri": "http://127.0.0.1:1@evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:1/other"},
        {"redirect_uri": "http://localhost:1/callback"},
    ],
    ids=str,
)
def test_nobody_is_sent_to_strangers(wire: Wire, changes: dict[str, str | None]) -> None:
    reply = open_page(wire, **changes)
    assert reply.status == 400
    assert "location" not in reply.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "bananas"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_other_mistakes_are_sent_back(wire: Wire, changes: dict[str, str | None], error: str) -> None:
    back = sent_back(open_page(wire, **changes))
    assert (back["error"], back["state"]) == (error, "state-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 50},
        {"redirect_uri": "http://127.0.0.1:40001/callback"},
        {"client_id": "sandbox-no-device"},
    ],
    ids=str,
)
def test_a_code_is_of_no_use_to_others(wire: Wire, changes: dict[str, str]) -> None:
    code = sent_back(answer(wire, open_page(wire)))["code"]
    assert redeem(wire, code, **changes).json()["error"] == "invalid_grant"
    assert redeem(wire, code).json()["error"] == "invalid_grant"  # it was spent


def test_the_page_demands_its_own_token(wire: Wire) -> None:
    form = parse_form(open_page(wire).body.decode())
    forged = wire.post("/authorize", {**form.fields, "csrf": "guess", "decision": "approve"})
    assert forged.status == 403
    assert wire.post("/authorize", {"request": "guess", "csrf": "", "decision": "approve"}).status == 403


def register(wire: Wire, **changes: Any) -> Reply:
    body = json.dumps({**METADATA, **changes}).encode()
    return wire.ask("POST", wire.box.issuer_url + "/register", {"Content-Type": "application/json"}, body)


def delete(wire: Wire, uri: str, token: str) -> Reply:
    return wire.ask("DELETE", uri, {"Authorization": f"Bearer {token}"})


def test_a_client_comes_logs_in_and_goes(wire: Wire) -> None:
    made = register(wire)
    assert (made.status, made.headers["cache-control"]) == (201, "no-store")
    client = made.json()
    mine = {"client_id": client["client_id"]}
    start = wire.start_login(**mine)
    approve(start["verification_uri"], start["user_code"], wire.box.ca_file)
    tokens = wire.poll(start["device_code"], **mine).json()
    uri, token = client["registration_client_uri"], client["registration_access_token"]

    assert delete(wire, uri, "guess").status == 401
    assert wire.ask("DELETE", uri).json()["error"] == "invalid_token"
    assert delete(wire, wire.box.issuer_url + f"/register/{wire.box.client_id}", token).status == 401
    assert wire.ask("GET", uri).status == 405
    assert delete(wire, uri, token).status == 204
    assert delete(wire, uri, token).status == 401
    assert wire.refresh(tokens["refresh_token"], **mine).json()["error"] == "invalid_client"
    assert wire.start_login()["user_code"]  # the others are still there


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"grant_types": "refresh_token"}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://evil.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://127.0.0.1:1/callback"]}, "invalid_redirect_uri"),
    ],
)
def test_clients_that_nobody_wants(wire: Wire, changes: dict[str, Any], error: str) -> None:
    reply = register(wire, **changes)
    assert (reply.status, reply.json()["error"]) == (400, error)


def test_rubbish_is_no_client(wire: Wire) -> None:
    for body in (b"", b"[]", b"\xff"):
        assert wire.ask("POST", wire.box.issuer_url + "/register", {}, body).status == 400


def test_an_issuer_that_registers_nobody(tmp_path: Path) -> None:
    with Sandbox.start(tmp_path / "box", Options(registration=False)) as box:
        reply = register(Wire(box))
        assert reply.status == 403
        assert "Trusted Hosts" in reply.json()["error_description"]
