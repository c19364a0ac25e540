"""TLS contexts: verification is never off, and a useless bundle says so."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from ctaclient.errors import ConfigError
from ctaclient.tls import client_context

if TYPE_CHECKING:
    from pathlib import Path


def test_names_and_certificates_are_checked() -> None:
    context = client_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] > 0 or ssl.get_default_verify_paths().capath


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"", "no PEM certificates"), (b"\0\1", "no PEM")]
)
def test_a_useless_bundle(tmp_path: Path, content: bytes | None, why: str) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(ConfigError, match=why) as caught:
        client_context(str(bundle))
    assert str(bundle) in str(caught.value)
    assert "CTACLIENT_CA_BUNDLE" in (caught.value.hint or "")


def test_a_directory_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        client_context(str(tmp_path))
