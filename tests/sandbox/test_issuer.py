"""The issuer on the wire: login by device, tokens, refresh, revocation, clients."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient.errors import ProtocolError, UsageError
from ctaclient.sandbox import Options, Sandbox, approve
from ctaclient.sandbox.person import parse_form
from tests.sandbox.conftest import DEVICE_GRANT, Wire

if TYPE_CHECKING:
    from pathlib import Path


def claims_of(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def log_in(wire: Wire, scope: str = "openid offline_access", **more: str) -> Any:
    start = wire.start_login(scope, **more)
    approve(start["verification_uri"], start["user_code"], wire.box.ca_file)
    reply = wire.poll(start["device_code"])
    assert reply.status == 200, reply
    return reply.json()


def test_discovery_names_every_endpoint_by_its_own_issuer(box: Sandbox, wire: Wire) -> None:
    document = wire.ask("GET", box.issuer_url + "/.well-known/openid-configuration").json()
    assert document["issuer"] == box.issuer_url
    assert document["device_authorization_endpoint"] == box.issuer_url + "/device_authorization"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "storage.read:/" in document["scopes_supported"]
    assert wire.ask("GET", document["jwks_uri"]).json()["keys"][0].keys() >= {"kid", "x", "y"}
    assert "d" not in wire.ask("GET", document["jwks_uri"]).json()["keys"][0]


def test_a_person_approves_and_the_tokens_say_what_was_granted(box: Sandbox, wire: Wire) -> None:
    start = wire.start_login("openid offline_access storage.read:/data")
    assert start["interval"] == 1
    assert start["verification_uri_complete"] == f"{box.issuer_url}/device?user_code={start['user_code']}"
    assert wire.poll(start["device_code"]).json()["error"] == "authorization_pending"
    approve(start["verification_uri"], start["user_code"].lower().replace("-", ""), box.ca_file)
    reply = wire.poll(start["device_code"])
    tokens = reply.json()
    assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")
    claims = claims_of(tokens["access_token"])
    assert claims["iss"] == box.issuer_url
    assert claims["scope"] == tokens["scope"] == "openid offline_access storage.read:/data"
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 300
    assert claims["wlcg.ver"] == "1.0"
    assert claims_of(tokens["id_token"])["aud"] == box.client_id
    assert wire.door("PROPFIND", "/", {"Depth": "0"}, token=tokens["access_token"]).status == 207
    assert wire.poll(start["device_code"]).json()["error"] == "invalid_grant"


def test_no_refresh_token_without_offline_access_and_no_id_token_without_openid(wire: Wire) -> None:
    assert log_in(wire, "storage.read:/").keys() & {"refresh_token", "id_token"} == set()


def test_an_audience_is_honoured(wire: Wire) -> None:
    assert claims_of(log_in(wire, audience="https://door.example")["access_token"])["aud"] == "https://door.example"


def test_a_person_denies(box: Sandbox, wire: Wire) -> None:
    start = wire.start_login()
    approve(start["verification_uri"], start["user_code"], box.ca_file, deny=True)
    assert wire.poll(start["device_code"]).json()["error"] == "access_denied"


def test_polling_too_fast_is_told_to_slow_down(wire: Wire) -> None:
    start = wire.start_login()
    errors = [wire.poll(start["device_code"]).json()["error"] for _ in range(2)]
    assert errors == ["authorization_pending", "slow_down"]


def test_a_wrong_code_is_no_login(box: Sandbox) -> None:
    with pytest.raises(ProtocolError):
        approve(box.issuer_url + "/device", "BBBB-BBBB", box.ca_file)
    with pytest.raises(UsageError):
        approve(box.issuer_url.replace("https", "http") + "/device", "BBBB-BBBB", box.ca_file)


def test_the_page_escapes_what_it_is_given_and_demands_its_own_token(box: Sandbox, wire: Wire) -> None:
    page = wire.ask("GET", box.issuer_url + "/device?user_code=%22%3E%3Cscript%3E")
    assert b"<script>" not in page.body
    assert b"&quot;&gt;&lt;script&gt;" in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    start = wire.start_login()
    form = parse_form(wire.post("/device", {"user_code": start["user_code"]}).body.decode())
    assert set(form.buttons) == {"Approve", "Deny"}
    forged = wire.post("/device", {"user_code": start["user_code"], "decision": "approve", "csrf": "guess"})
    assert forged.status == 403
    assert wire.poll(start["device_code"]).json()["error"] == "authorization_pending"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
        ({"grant_type": DEVICE_GRANT}, 400, "invalid_request"),
        ({"grant_type": DEVICE_GRANT, "device_code": "guess"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "guess"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "nobody"}, 401, "invalid_client"),
        (
            {"grant_type": DEVICE_GRANT, "client_id": "sandbox-no-device", "device_code": "x"},
            400,
            "unauthorized_client",
        ),
    ],
)
def test_errors_of_the_token_endpoint(wire: Wire, form: dict[str, str], status: int, error: str) -> None:
    reply = wire.post("/token", {"client_id": wire.box.client_id, **form})
    assert (reply.status, reply.json()["error"]) == (status, error)
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "openid bananas"}, "invalid_scope"),
        ({"scope": "storage.read"}, "invalid_scope"),
        ({"code_challenge": "x" * 43}, "invalid_request"),
        ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"client_id": "sandbox-no-device"}, "unauthorized_client"),
        ({"client_id": "nobody"}, "invalid_client"),
    ],
)
def test_errors_of_the_device_endpoint(wire: Wire, form: dict[str, str], error: str) -> None:
    assert wire.post("/device_authorization", {"client_id": wire.box.client_id, **form}).json()["error"] == error


def test_pkce_is_checked_when_it_was_sent(box: Sandbox, wire: Wire) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    start = wire.start_login(code_challenge=challenge, code_challenge_method="S256")
    approve(start["verification_uri"], start["user_code"], box.ca_file)
    assert wire.poll(start["device_code"]).json()["error"] == "invalid_grant"
    assert wire.poll(start["device_code"], code_verifier="w" * 50).json()["error"] == "invalid_grant"
    assert wire.poll(start["device_code"], code_verifier=verifier).status == 200


def test_refresh_rotates_and_a_replay_ends_the_family(wire: Wire) -> None:
    first = log_in(wire)["refresh_token"]
    second = wire.refresh(first).json()["refresh_token"]
    third = wire.refresh(second).json()["refresh_token"]
    assert len({first, second, third}) == 3
    replay = wire.refresh(first)
    assert (replay.status, replay.json()["error"]) == (400, "invalid_grant")
    assert wire.refresh(third).json()["error"] == "invalid_grant"


def test_scope_may_only_shrink_and_a_refused_wish_costs_nothing(wire: Wire) -> None:
    token = log_in(wire, "openid offline_access storage.read:/")["refresh_token"]
    assert wire.refresh(token, scope="storage.modify:/").json()["error"] == "invalid_scope"
    smaller = wire.refresh(token, scope="storage.read:/").json()
    assert smaller["scope"] == claims_of(smaller["access_token"])["scope"] == "storage.read:/"
    assert wire.refresh(smaller["refresh_token"]).json()["scope"] == "openid offline_access storage.read:/"


def test_a_refresh_token_belongs_to_its_client(box: Sandbox, wire: Wire) -> None:
    token = log_in(wire)["refresh_token"]
    stranger = {"client_id": box.no_device_client_id}
    assert wire.refresh(token, **stranger).json()["error"] == "invalid_grant"
    assert wire.refresh(token).status == 200


def test_revocation_ends_the_login_and_tells_nothing(wire: Wire) -> None:
    token = log_in(wire)["refresh_token"]
    assert wire.post("/revoke", {"client_id": wire.box.client_id, "token": "unknown"}).status == 200
    assert wire.post("/revoke", {"client_id": wire.box.client_id, "token": token}).status == 200
    assert wire.refresh(token).json()["error"] == "invalid_grant"
    assert wire.post("/revoke", {"client_id": wire.box.client_id}).json()["error"] == "invalid_request"


def test_the_confidential_client_proves_itself_in_both_ways(box: Sandbox, wire: Wire) -> None:
    secret = box.client_secret_file.read_text().strip()
    assert box.client_secret_file.stat().st_mode & 0o777 == 0o600
    basic = base64.b64encode(f"{box.confidential_client_id}:{secret}".encode()).decode()
    assert wire.post("/device_authorization", {}, {"Authorization": f"Basic {basic}"}).status == 200
    form = {"client_id": box.confidential_client_id}
    assert wire.post("/device_authorization", {**form, "client_secret": secret}).status == 200
    for wrong in ({}, {"client_secret": "wrong"}):
        reply = wire.post("/device_authorization", {**form, **wrong})
        assert (reply.status, reply.json()["error"]) == (401, "invalid_client")


def test_unknown_pages(box: Sandbox, wire: Wire) -> None:
    assert wire.ask("GET", box.issuer_url + "/nothing").status == 404
    assert wire.ask("GET", box.issuer_url + "/token").status == 405


def test_an_issuer_that_demands_pkce_names_no_interval_and_does_not_rotate(tmp_path: Path) -> None:
    options = Options(
        require_pkce=True, device_interval_s=None, rotate_refresh_tokens=False, device_code_lifetime_s=1e6
    )
    with Sandbox.start(tmp_path / "box", options) as box:
        wire = Wire(box)
        bare = wire.post("/device_authorization", {"client_id": box.client_id}).json()
        assert bare["error_description"] == "Missing parameter: code_challenge_method"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
        start = wire.start_login(code_challenge=challenge, code_challenge_method="S256")
        assert "interval" not in start
        approve(start["verification_uri"], start["user_code"], box.ca_file)
        token = wire.poll(start["device_code"], code_verifier="v" * 43).json()["refresh_token"]
        for _ in range(2):
            assert "refresh_token" not in wire.refresh(token).json()
