"""Sealed logins open only whole, in their place, with their key."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import LoginRequired
from ctaclient_agent.logins.seal import Header, NoKey, read_header, read_recipients, seal, unseal
from ctaclient_agent.machines.keypair import fingerprint_of

KEY = X25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = [KEY.public_key()]
HEADER = Header("cta", "https://issuer.example", 4)
SECRET = {"refresh_token": "refresh-1"}


@given(
    payload=st.dictionaries(st.text(), st.text() | st.none(), max_size=5),
    issuer=st.text(),
    generation=st.integers(0, 2**63),
)
def test_what_is_sealed_can_be_opened(payload: dict[str, str | None], issuer: str, generation: int) -> None:
    header = Header("cta", issuer, generation)
    data = seal(header, payload, PUBLIC)
    assert unseal(data, "cta", KEY, "file") == (header, payload)
    assert read_header(data, "file") == header


def test_nothing_secret_is_readable_and_no_nonce_is_used_twice() -> None:
    files = [seal(HEADER, SECRET, PUBLIC) for _ in range(20)]
    assert all(b"refresh-1" not in data for data in files)
    assert len({json.loads(data)["nonce"] for data in files}) == 20
    assert len({json.loads(data)["ephemeral"] for data in files}) == 20


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
        ("ephemeral", "A" * 43 + "="),
        ("ephemeral", "AAAA"),
        ("wraps", {}),
        ("wraps", {fingerprint_of(PUBLIC[0]): "AAAA"}),
        ("wraps", ["x"]),
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
    document = json.loads(seal(HEADER, SECRET, PUBLIC))
    with pytest.raises(LoginRequired) as caught:
        unseal(json.dumps({**document, name: value}).encode(), "cta", KEY, "file")
    assert "start-agent" in (caught.value.hint or "")
    del document[name]
    with pytest.raises(LoginRequired):
        unseal(json.dumps(document).encode(), "cta", KEY, "file")


@given(st.data())
def test_a_flipped_bit_or_a_lost_end_is_refused(data: st.DataObject) -> None:
    sealed = bytearray(seal(HEADER, SECRET, PUBLIC))
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
    data = seal(HEADER, SECRET, PUBLIC)
    with pytest.raises(LoginRequired, match="profile"):
        unseal(data, "other", KEY, "file")
    with pytest.raises(LoginRequired, match="machine"):
        unseal(data, "cta", X25519PrivateKey.generate(), "file")


def test_every_recipient_can_open_it_and_nobody_else() -> None:
    keys = [X25519PrivateKey.generate() for _ in range(3)]
    data = seal(HEADER, SECRET, [key.public_key() for key in keys])
    assert read_recipients(data, "file") == {fingerprint_of(key.public_key()) for key in keys}
    for key in keys:
        assert unseal(data, "cta", key, "file") == (HEADER, SECRET)
    with pytest.raises(NoKey):
        unseal(data, "cta", X25519PrivateKey.generate(), "file")


def test_a_wrap_for_another_machine_is_no_use() -> None:
    mine, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    document = json.loads(seal(HEADER, SECRET, [other.public_key()]))
    document["wraps"][fingerprint_of(mine.public_key())] = next(iter(document["wraps"].values()))
    with pytest.raises(LoginRequired, match="another key"):
        unseal(json.dumps(document).encode(), "cta", mine, "file")
