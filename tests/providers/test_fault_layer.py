"""The fault layer itself: each fault does what it says, on both sides."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.providers.device_pkce import DevicePkce
from tests.providers.fault import DEVICE, PORTAL, REFRESH, Fault, oauth_error, unavailable
from tests.providers.person import approve

if TYPE_CHECKING:
    from tests.providers.fault_layer import Certificate, FaultLayer
    from tests.providers.layered import Layered

CLIENT = "quick"
LOST = (http.client.RemoteDisconnected, ssl.SSLError, ConnectionResetError, http.client.IncompleteRead)


class Wire:
    """A client of the layer that hides nothing."""

    def __init__(self, layered: Layered) -> None:
        self._layer = layered.layer
        self._context = ssl.create_default_context(cafile=str(layered.layer.ca_file))
        self.refresh_token = ""

    def ask(self, path: str, **form: str) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, body and head of the answer. Raises one of LOST where there is none."""
        address = self._layer.url.removeprefix("https://")
        connection = http.client.HTTPSConnection(address, timeout=20, context=self._context)
        try:
            head = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            body = urlencode({"client_id": CLIENT, **form}) if form else None
            connection.request("POST" if form else "GET", path, body, head)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(data), answer.msg
        except ValueError:
            return answer.status, data, answer.msg

    def log_in(self) -> None:
        """Have a refresh token."""
        code = self.ask("/device/auth", scope="openid offline_access")[1]
        approve(code["verification_uri"], code["user_code"], self._layer.ca_file)
        self.refresh_token = self.ask("/token", grant_type=DEVICE, device_code=code["device_code"])[1]["refresh_token"]

    def refresh(self) -> tuple[int, Any]:
        """Use the refresh token; keep a new one if it comes."""
        status, body, _ = self.ask("/token", grant_type=REFRESH, refresh_token=self.refresh_token)
        if isinstance(body, dict):
            self.refresh_token = body.get("refresh_token", self.refresh_token)
        return status, body


@pytest.fixture
def wire(layered: Layered) -> Wire:
    wire = Wire(layered)
    wire.log_in()
    return wire


def test_the_issuer_goes_by_the_address_of_the_layer(layered: Layered, layer: FaultLayer) -> None:
    document = Wire(layered).ask("/.well-known/openid-configuration")[1]
    assert document["issuer"] == layer.url
    assert all(url.startswith(f"{layer.url}/") for name, url in document.items() if name.endswith("endpoint"))
    assert document["code_challenge_methods_supported"] == ["S256"]


def test_without_faults_nothing_changes(wire: Wire, layer: FaultLayer) -> None:
    before = wire.refresh_token
    assert wire.refresh()[0] == 200
    assert wire.refresh_token != before
    seen = layer.asked(grant=REFRESH)
    assert [(e.fault, e.issuer_status, e.client_status) for e in seen] == [(None, 200, 200)]


def test_faults_before_the_issuer_spend_nothing(wire: Wire, layer: FaultLayer) -> None:
    before = wire.refresh_token
    layer.fault(unavailable(retry_after="7"), Fault("drop_before"), oauth_error("invalid_client", status=401))
    assert wire.ask("/token", grant_type=REFRESH, refresh_token=before)[::2][0] == 503
    with pytest.raises(LOST):
        wire.refresh()
    status, body = wire.refresh()
    assert (status, body["error"]) == (401, "invalid_client")
    seen = layer.asked(grant=REFRESH)
    assert [(e.fault, e.issuer_status, e.client_status) for e in seen] == [
        ("answer", None, 503),
        ("drop_before", None, None),
        ("answer", None, 401),
    ]
    assert wire.refresh()[0] == 200


@pytest.mark.parametrize("action", ["drop_after", "cut", "truncate", "html"])
def test_faults_after_the_issuer_spend_the_refresh_token(wire: Wire, layer: FaultLayer, action: str) -> None:
    layer.fault(Fault(action))  # type: ignore[arg-type]
    if action in ("drop_after", "cut"):
        with pytest.raises(LOST):
            wire.refresh()
    else:
        status, body = wire.refresh()
        assert status == 200
        assert body == PORTAL if action == "html" else body.startswith(b'{"access_token":')
    (seen,) = layer.asked(grant=REFRESH)
    assert (seen.fault, seen.issuer_status) == (action, 200)
    assert wire.refresh()[1]["error"] == "invalid_grant"


def test_with_grace_the_same_refresh_token_gets_the_same_answer(wire: Wire, layer: FaultLayer) -> None:
    layer.grace_s = 60
    layer.fault(Fault("drop_after"))
    before = wire.refresh_token
    with pytest.raises(LOST):
        wire.refresh()
    status, body = wire.refresh()
    assert status == 200
    assert body["refresh_token"] != before
    assert [e.issuer_status for e in layer.asked(grant=REFRESH)] == [200, None]
    assert wire.refresh()[0] == 200  # the successor is a good one


def test_a_hanging_request_ends_when_the_faults_are_cleared(wire: Wire, layer: FaultLayer) -> None:
    layer.fault(Fault("hang"))
    threading.Timer(0.3, layer.clear).start()
    begun = time.monotonic()
    with pytest.raises(LOST):
        wire.refresh()
    assert time.monotonic() - begun >= 0.3
    assert layer.asked(grant=REFRESH)[0].issuer_status is None
    assert wire.refresh()[0] == 200


def test_a_fault_waits_for_its_request(wire: Wire, layer: FaultLayer) -> None:
    layer.fault(oauth_error("slow_down", grant=DEVICE), Fault("drop_before", path_part="/jwks", times=2))
    assert wire.refresh()[0] == 200
    assert wire.ask("/token", grant_type=DEVICE, device_code="x")[1]["error"] == "slow_down"
    for _ in range(2):
        with pytest.raises(LOST):
            wire.ask("/jwks")
    assert wire.ask("/jwks")[0] == 200


def test_the_refused_refresh_token_can_be_echoed(wire: Wire, layer: FaultLayer) -> None:
    layer.fault(oauth_error("invalid_token", status=401, description="Invalid refresh token: {refresh_token}"))
    assert wire.refresh_token in wire.refresh()[1]["error_description"]


@pytest.mark.parametrize("shift_s", [3600.0, -3600.0])
def test_a_wrong_clock(layered: Layered, shift_s: float) -> None:
    layered.shift_clock(shift_s)
    wire = Wire(layered)
    wire.log_in()
    status, body, head = wire.ask("/token", grant_type=REFRESH, refresh_token=wire.refresh_token)
    assert status == 200
    payload = body["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["iat"] == pytest.approx(time.time() + shift_s, abs=5)
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 300
    assert parsedate_to_datetime(head["Date"]).timestamp() == pytest.approx(time.time() + shift_s, abs=5)


@pytest.mark.parametrize(
    ("certificate", "said"),
    [("other-host", "Hostname mismatch"), ("unknown-ca", "unable to get local issuer"), ("expired", "has expired")],
)
def test_bad_certificates(layered: Layered, layer: FaultLayer, certificate: Certificate, said: str) -> None:
    layer.present(certificate)
    with pytest.raises(ssl.SSLCertVerificationError, match=said):
        Wire(layered).ask("/jwks")
    layer.present("good")
    assert Wire(layered).ask("/jwks")[0] == 200


def test_pkce_is_demanded_in_the_device_flow(layered: Layered, layer: FaultLayer) -> None:
    layer.device_pkce = DevicePkce()
    wire = Wire(layered)
    scope = "openid offline_access"
    without = wire.ask("/device/auth", scope=scope)[1]
    assert without["error_description"] == "Missing parameter: code_challenge_method"
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    code = wire.ask("/device/auth", scope=scope, code_challenge=challenge, code_challenge_method="S256")[1]
    poll = {"grant_type": DEVICE, "device_code": code["device_code"]}
    assert wire.ask("/token", **poll)[1]["error"] == "invalid_request"
    assert wire.ask("/token", **poll, code_verifier="w" * 43)[1]["error"] == "invalid_request"
    assert wire.ask("/token", **poll, code_verifier=verifier)[1]["error"] == "authorization_pending"
