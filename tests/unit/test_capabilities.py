"""What a server can, from what it calls itself."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ctaclient.capabilities import QUIRKS, Capabilities, capabilities_of


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("", Capabilities()),
        ("something new", Capabilities()),
        ("dCache/9.2.14", Capabilities("dcache", redirects_put=True, digest_lags=True)),
        ("Apache/2.4.57 (Debian)", Capabilities("apache", want_digest=False)),
        ("NGINX", Capabilities("nginx", want_digest=False)),
        ("not dCache", Capabilities()),
    ],
)
def test_of(server: str, expected: Capabilities) -> None:
    assert capabilities_of(server) == expected


def test_xrootd() -> None:
    seen = capabilities_of("XrootD/v5.6.2")
    assert (seen.kind, seen.publish, seen.redirects_put) == ("xrootd", "put", True)
    assert (seen.conditional_put, seen.encoded_hrefs) == (False, False)


def test_each_quirk_changes_what_there_is_and_says_why() -> None:
    names = {field.name for field in fields(Capabilities)}
    for quirk in QUIRKS:
        assert set(quirk.changes) <= names - {"kind"}
        assert quirk.server == quirk.server.lower()
        assert ".md" in quirk.reason or "#" in quirk.reason
