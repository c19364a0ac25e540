"""Sealed logins open only whole, in their place, with their key."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient.errors import ConfigError, LoginRequired, UnsafePath
from ctaclient_agent.seal import Header, Key, load_key, make_key, read_header, seal, unseal

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key(b"k" * 32)
HEADER = Header("cta", "https://issuer.example", 4)
SECRET = {"refresh_token": "refresh-1"}


@given(
    payload=st.dictionaries(st.text(), st.text() | st.none(), max_size=5),
    issuer=st.text(),
    generation=st.integers(0, 2**63),
)
def test_what_is_sealed_can_be_opened(payload: dict[str, str | None], issuer: str, generation: int) -> None:
    header = Header("cta", issuer, generation)
    data = seal(header, payload, KEY)
    assert unseal(data, "cta", KEY, "file") == (header, payload)
    assert read_header(data, "file") == header


def test_nothing_secret_is_readable_and_no_nonce_is_used_twice() -> None:
    files = [seal(HEADER, SECRET, KEY) for _ in range(20)]
    assert all(b"refresh-1" not in data for data in files)
    assert len({json.loads(data)["nonce"] for data in files}) == 20
    assert "kkk" not in repr(KEY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("profile", "other"),
        ("issuer", "https://evil.example"),
        ("generation", 5),
        ("generation", "4"),
        ("generation", True),
        ("generation", 4.0),
        ("nonce", "AAAAAAAAAAAAAAAA"),
        ("nonce", "AAAA"),
        ("nonce", "?"),
        ("ciphertext", "AAAA"),
        ("ciphertext", ""),
        ("ciphertext", None),
        ("version", 2),
        ("version", True),
        ("alg", "none"),
        ("profile", None),
    ],
)
def test_a_changed_field_is_refused(name: str, value: object) -> None:
    document = json.loads(seal(HEADER, SECRET, KEY))
    with pytest.raises(LoginRequired) as caught:
        unseal(json.dumps({**document, name: value}).encode(), "cta", KEY, "file")
    assert "start-agent" in (caught.value.hint or "")
    del document[name]
    with pytest.raises(LoginRequired):
        unseal(json.dumps(document).encode(), "cta", KEY, "file")


@given(st.data())
def test_a_flipped_bit_or_a_lost_end_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(seal(HEADER, SECRET, KEY))
    at = data.draw(st.integers(0, len(sealed) - 1))
    flipped = sealed.copy()
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for changed in (bytes(flipped), bytes(sealed[:at])):
        try:
            header, payload = unseal(changed, "cta", KEY, "file")
        except LoginRequired:
            continue
        assert (header, payload) == (HEADER, SECRET)  # white space between the fields


@given(st.binary())
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(LoginRequired):
        unseal(data, "cta", KEY, "file")


def test_another_place_or_key_is_refused() -> None:
    data = seal(HEADER, SECRET, KEY)
    with pytest.raises(LoginRequired, match="profile"):
        unseal(data, "other", KEY, "file")
    with pytest.raises(LoginRequired, match="key"):
        unseal(data, "cta", Key(b"x" * 32), "file")


def test_of_many_starters_one_makes_the_key(private: Path) -> None:
    path, seen = private / "state" / "seal.key", []
    threads = [threading.Thread(target=lambda: seen.append(make_key(path).value)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 12
    assert len(set(seen)) == 1
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["seal.key"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.just(b"ctaclient-seal-key-v2:AAAA"))
def test_a_damaged_key_is_neither_used_nor_replaced(private: Path, content: bytes) -> None:
    path = private / "seal.key"
    path.write_bytes(content)
    path.chmod(0o600)
    for use in (load_key, make_key):
        with pytest.raises(ConfigError) as caught:
            use(path)
        assert f"rm {path}" in (caught.value.hint or "")
    assert path.read_bytes() == content


def test_a_key_that_others_can_read_is_refused(private: Path) -> None:
    path = private / "seal.key"
    make_key(path)
    path.chmod(0o640)
    with pytest.raises(UnsafePath, match="0640"):
        load_key(path)
