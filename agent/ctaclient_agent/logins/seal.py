"""Sealing: a login's secrets encrypted, bound to their place, and readable by chosen machines only.

Each sealed file has a data key of its own (ChaCha20-Poly1305, RFC 8439), wrapped for the X25519 key (RFC 7748) of each
machine that may open it. Whoever gets hold of the store alone (a backup, a wrong mode, a shared home) has nothing.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ctaclient.errors import LoginRequired
from ctaclient_agent.machines.keypair import fingerprint_of, public_bytes, to_bytes, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 1
ALGORITHM = "X25519+ChaCha20-Poly1305"
_FORMAT = "ctaclient-login"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_MAX_RECIPIENTS = 1000


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in clear beside the ciphertext, and cannot be changed without breaking it."""

    profile: str
    issuer: str
    generation: int


@dataclass(frozen=True, slots=True)
class _Sealed:
    header: Header
    ephemeral: bytes
    wraps: dict[str, bytes]
    nonce: bytes
    ciphertext: bytes


class NoKey(LoginRequired):
    """The file is whole, but was not sealed for this machine."""


def seal(header: Header, payload: dict[str, Any], recipients: Iterable[X25519PublicKey]) -> bytes:
    """`payload` as a sealed file for `recipients`, with a data key and a nonce of its own."""
    data_key, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    ephemeral = X25519PrivateKey.generate()
    ciphertext = ChaCha20Poly1305(data_key).encrypt(nonce, json.dumps(payload).encode(), _associated(header))
    document = {
        "version": VERSION,
        "alg": ALGORITHM,
        "profile": header.profile,
        "issuer": header.issuer,
        "generation": header.generation,
        "ephemeral": to_text(public_bytes(ephemeral.public_key())),
        "wraps": {fingerprint_of(key): to_text(_wrap(data_key, ephemeral, key)) for key in recipients},
        "nonce": to_text(nonce),
        "ciphertext": to_text(ciphertext),
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def read_header(data: bytes, where: str) -> Header:
    """The clear part, **not verified**. Raises LoginRequired when there is none that we know."""
    return _parse(data, where).header


def read_recipients(data: bytes, where: str) -> set[str]:
    """The fingerprints of the keys that can open it. Raises as `read_header`."""
    return set(_parse(data, where).wraps)


def unseal(data: bytes, profile: str, key: X25519PrivateKey, where: str) -> tuple[Header, dict[str, Any]]:
    """Header and payload, both verified.

    Raises NoKey when it was sealed for other machines only, LoginRequired when any bit is not as it was sealed for
    `profile`.
    """
    sealed = _parse(data, where)
    if sealed.header.profile != profile:
        raise _unusable(where, f"was sealed for profile {sealed.header.profile!r}", profile)
    wrap = sealed.wraps.get(fingerprint_of(key.public_key()))
    if wrap is None:
        raise NoKey(
            f"the sealed login {where} was not made for this machine",
            hint=f"start the agent on a machine that has it, or ctaclient start-agent --profile {profile}",
        )
    try:
        data_key = _unwrap(wrap, sealed.ephemeral, key)
        payload = json.loads(
            ChaCha20Poly1305(data_key).decrypt(sealed.nonce, sealed.ciphertext, _associated(sealed.header))
        )
    except (InvalidTag, ValueError):  # ValueError: a key or a JSON that is none, or an all-zero secret (RFC 7748 6.1)
        raise _unusable(where, "was changed, or sealed with another key", profile) from None
    if not isinstance(payload, dict):
        raise _unusable(where, "is damaged", profile)
    return sealed.header, payload


def _wrap(data_key: bytes, ephemeral: X25519PrivateKey, recipient: X25519PublicKey) -> bytes:
    # The key that encrypts is used for this one message only, so a nonce of zeros is used once.
    kek = _kek(ephemeral.exchange(recipient), ephemeral.public_key(), recipient)
    return ChaCha20Poly1305(kek).encrypt(bytes(_NONCE_BYTES), data_key, None)


def _unwrap(wrap: bytes, ephemeral: bytes, own: X25519PrivateKey) -> bytes:
    sender = X25519PublicKey.from_public_bytes(ephemeral)
    return ChaCha20Poly1305(_kek(own.exchange(sender), sender, own.public_key())).decrypt(
        bytes(_NONCE_BYTES), wrap, None
    )


def _kek(shared: bytes, ephemeral: X25519PublicKey, recipient: X25519PublicKey) -> bytes:
    # Both public keys go in, as in RFC 9180 4.1: one shared secret never stands for two pairs.
    info = b"ctaclient-wrap-v1" + public_bytes(ephemeral) + public_bytes(recipient)
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=info).derive(shared)


def _parse(data: bytes, where: str) -> _Sealed:
    try:
        document = json.loads(data)
        version, algorithm = document["version"], document["alg"]
        profile, issuer, generation = document["profile"], document["issuer"], document["generation"]
        ephemeral, nonce, ciphertext = (to_bytes(document[name]) for name in ("ephemeral", "nonce", "ciphertext"))
        wraps = {str(name): to_bytes(wrap) for name, wrap in document["wraps"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _unusable(where, "is damaged") from None
    if type(version) is not int or version != VERSION or algorithm != ALGORITHM:
        raise _unusable(where, "is of a version that this ctaclient does not know")
    if not (isinstance(profile, str) and isinstance(issuer, str) and type(generation) is int):
        raise _unusable(where, "is damaged")
    if len(nonce) != _NONCE_BYTES or len(ephemeral) != _KEY_BYTES or len(wraps) > _MAX_RECIPIENTS:
        raise _unusable(where, "is damaged")
    return _Sealed(Header(profile, issuer, generation), ephemeral, wraps, nonce, ciphertext)


def _associated(header: Header) -> bytes:
    return json.dumps([_FORMAT, VERSION, ALGORITHM, header.profile, header.issuer, header.generation]).encode()


def _unusable(where: str, why: str, profile: str | None = None) -> LoginRequired:
    option = f" --profile {profile}" if profile else ""
    return LoginRequired(f"the sealed login {where} {why}", hint=f"ctaclient start-agent{option} logs in anew")
