"""What is wrong with an issuer's certificate, told apart; and no step without TLS."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import pytest

from tests.providers.fault import Fault
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.providers.fault_layer import Certificate, FaultLayer
    from tests.providers.home import Home

BAD: list[tuple[Certificate, str, str]] = [
    ("other-host", "is for another host", "check the host name in the URL"),
    ("unknown-ca", "is not signed by a trusted CA (", "name its CA with --ca-bundle FILE or CTACLIENT_CA_BUNDLE"),
    ("expired", "has expired", "tell those who run it; check the clock here"),
]


@pytest.mark.parametrize(("certificate", "said", "cure"), BAD)
def test_a_first_login(layered_home: Home, layer: FaultLayer, certificate: Certificate, said: str, cure: str) -> None:
    layer.present(certificate)
    done = layered_home.start_agent(*layered_home.arguments())
    assert done.exit_code == 7
    first, second = done.stderr.splitlines()
    host = layer.url.removeprefix("https://")
    assert first.startswith(f"ctaclient: the certificate of {host} {said}")
    assert second == f"  try: {cure}"
    assert [other for _, other, _ in BAD if other in done.stderr] == [said]
    assert layer.asked("/") == []
    assert not layered_home.has_login()


@pytest.mark.slow
@pytest.mark.parametrize(("certificate", "said", "cure"), BAD)
def test_a_login_outlives_a_bad_certificate(
    fleeting_layered_home: Home, layer: FaultLayer, certificate: Certificate, said: str, cure: str
) -> None:
    """Somebody forgot to renew it: nothing is sent, the reason is shown, and all is well when it is mended."""
    home = fleeting_layered_home
    home.first_login()
    asked = len(layer.asked("/"))
    layer.present(certificate)
    eventually(lambda: home.facts()["state"] == "backoff")
    assert said in home.facts()["last_error"]
    assert len(layer.asked("/")) - asked <= 1  # a refresh that was under way
    assert home.run("agent", "status").returncode == 0
    before = home.generation()
    layer.present("good")
    eventually(lambda: home.generation() > before, timeout_s=30)


def test_an_issuer_without_tls(layered_home: Home, layer: FaultLayer) -> None:
    plain = layer.url.replace("https://", "http://")
    layer.plain_too = True
    with build_opener(ProxyHandler({})).open(f"{plain}/.well-known/openid-configuration") as answer:
        assert json.loads(answer.read())["issuer"] == plain  # so it would work
    layer.exchanges.clear()
    done = layered_home.start_agent(*layered_home.arguments(), "--issuer", plain)
    assert done.exit_code == 2
    assert f"ctaclient: --issuer must be https: {plain}" in done.stderr
    assert layer.asked("/") == []
    assert not layered_home.has_login()


@pytest.mark.parametrize("endpoint", ["token_endpoint", "device_authorization_endpoint", "jwks_uri"])
def test_an_endpoint_without_tls(layered_home: Home, layer: FaultLayer, endpoint: str) -> None:
    document = discovery_document(layer)
    document[endpoint] = document[endpoint].replace("https://", "http://")
    layer.fault(Fault("answer", path_part="/.well-known/", status=200, body=json.dumps(document)))
    done = layered_home.start_agent(*layered_home.arguments())
    assert done.exit_code == 4
    assert f"gives no https address as {endpoint}" in done.stderr
    assert layer.asked("/device") == []
    assert not layered_home.has_login()


def test_a_redirect_gets_no_refresh_token(fleeting_layered_home: Home, layer: FaultLayer) -> None:
    home = fleeting_layered_home
    home.first_login()
    layer.fault(Fault("answer", status=307, headers={"Location": f"{layer.url}/elsewhere"}))
    eventually(lambda: len(layer.since_fault()) >= 2)
    assert layer.since_fault()[0].client_status == 307
    assert layer.asked("/elsewhere") == []


def discovery_document(layer: FaultLayer) -> dict[str, str]:
    context = ssl.create_default_context(cafile=str(layer.ca_file))
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    with opener.open(f"{layer.url}/.well-known/openid-configuration", timeout=20) as answer:
        document: dict[str, str] = json.loads(answer.read())
        return document
