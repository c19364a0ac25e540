"""A machine's key pair (X25519) and how its private half lies in a file: plain, under a passphrase, or in a keyring."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from ctaclient.errors import ConfigError, CtaError

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = 1
_FORMAT = "ctaclient-machine-key"
# OWASP's minimum for Argon2id is 19 MiB, t=2; the file keeps what it was made with, so this can be raised later.
_ARGON2 = {"memory_kib": 65_536, "iterations": 3, "lanes": 1}
_ARGON2_LIMITS = {"memory_kib": 2**21, "iterations": 100, "lanes": 64}


def public_bytes(key: X25519PublicKey) -> bytes:
    """The 32 bytes of RFC 7748."""
    return key.public_bytes_raw()


def fingerprint_of(key: X25519PublicKey) -> str:
    """The machine's name in files and messages: sixteen hex digits."""
    return hashlib.sha256(public_bytes(key)).hexdigest()[:16]


class Keyring(Protocol):
    """The operating system's keyring. Both methods raise ConfigError when it does not answer in time."""

    def read(self, name: str) -> str | None:
        """The secret under `name`, or None."""
        ...

    def write(self, name: str, secret: str) -> None:
        """Keep `secret` under `name`."""
        ...


Kind = Literal["plain", "passphrase", "keyring"]


@dataclass(frozen=True, slots=True)
class Protection:
    """What there is to open a key file with, and in which of these ways a new one is protected.

    `plain` means by its mode and its place alone.
    """

    passphrase: Callable[[], bytes] | None = None
    keyring: Keyring | None = None
    kind: Kind = "plain"


def encode_key(key: X25519PrivateKey, protection: Protection) -> bytes:
    """The content of a key file. Raises ConfigError when what it takes is not there."""
    name, raw = fingerprint_of(key.public_key()), key.private_bytes_raw()
    body: dict[str, Any] = {"version": VERSION, "format": _FORMAT, "machine": name, "kind": protection.kind}
    match protection.kind:
        case "passphrase":
            salt, nonce = os.urandom(16), os.urandom(12)
            kek = _derive(_passphrase(protection, "the new key"), salt, _ARGON2)
            sealed = ChaCha20Poly1305(kek).encrypt(nonce, raw, name.encode())
            body |= {"argon2id": _ARGON2, "salt": to_text(salt), "nonce": to_text(nonce), "ciphertext": to_text(sealed)}
        case "keyring":
            keyring = protection.keyring
            if keyring is not None:
                keyring.write(name, to_text(raw))
            if keyring is None or keyring.read(name) != to_text(raw):
                raise ConfigError("the keyring does not give back what was put into it", hint="leave out --keyring")
        case "plain":
            body["key"] = to_text(raw)
    return json.dumps(body, indent=1).encode() + b"\n"


def decode_key(data: bytes, where: str, protection: Protection) -> X25519PrivateKey:
    """The key in a file's `data`.

    Raises ConfigError: damaged, of a later version, the passphrase is missing or wrong, the keyring is locked.
    """
    try:
        body = json.loads(data)
        known = body["format"] == _FORMAT and body["version"] == VERSION
        raw = _raw(body, where, protection) if known else b""
        key = X25519PrivateKey.from_private_bytes(raw)
        known = known and fingerprint_of(key.public_key()) == body["machine"]
    except CtaError:
        raise  # UsageError is a ValueError, too, and no damage
    except InvalidTag:
        raise ConfigError(f"the passphrase does not open the key {where}", hint="give the right passphrase") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        known = False
    if not known:
        # Never replaced by ourselves: the logins of other profiles, or a later ctaclient, may still need it.
        raise ConfigError(
            f"the key {where} is damaged or of a later version", hint=f"mv {where} {where}.old; ctaclient start-agent"
        )
    return key


def kind_of(data: bytes) -> str | None:
    """How the key in a file's `data` is protected, or None when it is no key file."""
    try:
        return str(json.loads(data)["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _raw(body: dict[str, Any], where: str, protection: Protection) -> bytes:
    kind, name = body["kind"], body["machine"]
    if kind == "plain":
        return to_bytes(body["key"])
    if kind == "keyring":
        secret = protection.keyring.read(name) if protection.keyring else None
        if secret is None:
            raise ConfigError(
                f"the key {where} is in the system's keyring, which does not give it",
                hint="unlock the keyring; it needs: pip install 'ctaclient[keyring]'",
            )
        return to_bytes(secret)
    if kind == "passphrase":
        parameters = {key: int(body["argon2id"][key]) for key in _ARGON2}
        if any(not 1 <= parameters[key] <= most for key, most in _ARGON2_LIMITS.items()):
            raise ValueError("nobody makes such a key")
        kek = _derive(_passphrase(protection, where), to_bytes(body["salt"]), parameters)
        return ChaCha20Poly1305(kek).decrypt(to_bytes(body["nonce"]), to_bytes(body["ciphertext"]), name.encode())
    raise ValueError(kind)


def _passphrase(protection: Protection, where: str) -> bytes:
    if protection.passphrase is None:
        raise ConfigError(f"{where} needs a passphrase", hint="--passphrase-fd N, or --passphrase-command COMMAND")
    return protection.passphrase()


def _derive(passphrase: bytes, salt: bytes, parameters: dict[str, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    if not passphrase:
        raise ConfigError("the passphrase is empty", hint="give one with at least a few words")
    return Argon2id(
        salt=salt,
        length=32,
        iterations=parameters["iterations"],
        lanes=parameters["lanes"],
        memory_cost=parameters["memory_kib"],
    ).derive(passphrase)


def to_text(data: bytes) -> str:
    """Bytes as they stand in our files."""
    return base64.b64encode(data).decode()


def to_bytes(text: str) -> bytes:
    """And back. Raises ValueError for what is no such text."""
    return base64.b64decode(text, validate=True)
