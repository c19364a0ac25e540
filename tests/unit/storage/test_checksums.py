"""Checksums in all spellings."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.storage.checksums import parse_digest_header

MD5_HEX = "7a08b07e84641703e5f2c83aaa59a170"
MD5_B64 = "egiwfoRkFwPl8sg6qlmhcA=="


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, {}),
        ("", {}),
        ("adler32=090c1483", {"adler32": "090c1483"}),
        ("ADLER32=090C1483", {"adler32": "090c1483"}),
        ("adler32=90c1483", {"adler32": "090c1483"}),
        ("adler32=1", {"adler32": "00000001"}),
        ("adler32=CQwUgw==", {"adler32": "090c1483"}),
        (f"md5={MD5_B64}", {"md5": MD5_HEX}),
        (f"md5={MD5_HEX}", {"md5": MD5_HEX}),
        (f"MD5={MD5_HEX.upper()}", {"md5": MD5_HEX}),
        (f"adler32=090c1483,md5={MD5_B64}", {"adler32": "090c1483", "md5": MD5_HEX}),
        (f" adler32 = 090c1483 , md5 = {MD5_B64} ", {"adler32": "090c1483", "md5": MD5_HEX}),
        ("crc32c=0a1b2c3d,adler32=090c1483", {"adler32": "090c1483"}),
        ("adler32", {}),
        ("adler32=", {}),
        ("adler32=xyz", {}),
        ("adler32=090c14831", {}),
        ("md5=zzzz", {}),
        ("md5=090c1483", {}),
        ("sha-256=" + MD5_B64, {}),
        ("=,=,,", {}),
        ("adler32=٣", {}),
    ],
)
def test_digest(value: str | None, found: dict[str, str]) -> None:
    assert parse_digest_header(value) == found


@given(st.binary())
@pytest.mark.parametrize(
    ("names", "algorithm"),
    [
        (("md5", "MD5"), "md5"),
        (("sha", "SHA", "sha1", "SHA-1"), "sha1"),
        (("sha-256", "SHA-256", "sha256", "SHA256"), "sha256"),
        (("sha-512", "SHA512"), "sha512"),
    ],
)
def test_each_algorithm_in_hex_and_base64(names: tuple[str, ...], algorithm: str, data: bytes) -> None:
    digest = hashlib.new(algorithm, data).digest()
    for name in names:
        for value in (digest.hex(), digest.hex().upper(), b64encode(digest).decode()):
            assert parse_digest_header(f"{name}={value}") == {algorithm: digest.hex()}


@given(st.binary())
def test_adler32_without_leading_zeros(data: bytes) -> None:
    value = zlib.adler32(data)
    for text in (f"{value:08x}", f"{value:x}", f"{value:X}"):
        assert parse_digest_header(f"adler32={text}") == {"adler32": f"{value:08x}"}


@given(st.text())
def test_any_text(value: str) -> None:
    found = parse_digest_header(value)
    assert all(set(digest) <= set("0123456789abcdef") for digest in found.values())
