"""Sealing: a login's secrets encrypted and bound to their place (ChaCha20-Poly1305, RFC 8439).

The key lies apart from the sealed files: whoever gets hold of the store alone (a backup, a wrong mode, a shared home)
has nothing. Who can read both as this user has the login; no local agent can promise more.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from ctaclient._util.private import ensure_private_dir, read_private, sync_directory, write_private
from ctaclient.errors import ConfigError, LoginRequired

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
ALGORITHM = "ChaCha20-Poly1305"
_FORMAT = "ctaclient-login"
_KEY_PREFIX = "ctaclient-seal-key-v1:"
_KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in clear beside the ciphertext, and cannot be changed without breaking it."""

    profile: str
    issuer: str
    generation: int


@dataclass(frozen=True, slots=True)
class Key:
    """The sealing key."""

    value: bytes = field(repr=False)


def seal(header: Header, payload: dict[str, Any], key: Key) -> bytes:
    """`payload` as a sealed file, with a nonce of its own."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    ciphertext = ChaCha20Poly1305(key.value).encrypt(nonce, json.dumps(payload).encode(), _associated(header))
    document = {
        "version": VERSION,
        "alg": ALGORITHM,
        "profile": header.profile,
        "issuer": header.issuer,
        "generation": header.generation,
        "nonce": base64.b64encode(nonce).decode(),
        "ciphertext": base64.b64encode(ciphertext).decode(),
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def read_header(data: bytes, where: str) -> Header:
    """The clear part, **not verified**. Raises LoginRequired when there is none that we know."""
    return _parse(data, where)[0]


def unseal(data: bytes, profile: str, key: Key, where: str) -> tuple[Header, dict[str, Any]]:
    """Header and payload, both verified. Raises LoginRequired when any bit is not as it was sealed for `profile`."""
    header, nonce, ciphertext = _parse(data, where)
    if header.profile != profile:
        raise _unusable(where, f"was sealed for profile {header.profile!r}", profile)
    try:
        payload = json.loads(ChaCha20Poly1305(key.value).decrypt(nonce, ciphertext, _associated(header)))
    except InvalidTag:
        raise _unusable(where, "was changed, or sealed with another key", profile) from None
    if not isinstance(payload, dict):
        raise _unusable(where, "is damaged", profile)
    return header, payload


def load_key(path: Path) -> Key | None:
    """The key in `path`, or None when there is none. Raises ConfigError when it is damaged or of a later version."""
    try:
        text = read_private(path).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    try:
        value = base64.b64decode(text.removeprefix(_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if not text.startswith(_KEY_PREFIX) or len(value) != _KEY_BYTES:
        # Never replaced by ourselves: other profiles' logins, or a later ctaclient, may still need it.
        raise ConfigError(
            f"the sealing key {path} is damaged or of a later version", hint=f"rm {path}; ctaclient start-agent"
        )
    return Key(value)


def make_key(path: Path) -> Key:
    """The key in `path`, made if it is missing. Of several starters at once one makes it and all get the same."""
    ensure_private_dir(path.parent)
    if (key := load_key(path)) is not None:
        return key
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    encoded = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    write_private(temporary, f"{_KEY_PREFIX}{encoded}\n".encode())
    try:
        # link(2) fails where the name exists, as O_EXCL does, but shows the file only when it is whole.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
    sync_directory(path.parent)
    key = load_key(path)
    if key is None:
        raise ConfigError(f"the sealing key {path} vanished while it was made", hint="ctaclient start-agent")
    return key


def _parse(data: bytes, where: str) -> tuple[Header, bytes, bytes]:
    try:
        document = json.loads(data)
        version, algorithm = document["version"], document["alg"]
        profile, issuer, generation = document["profile"], document["issuer"], document["generation"]
        nonce = base64.b64decode(document["nonce"], validate=True)
        ciphertext = base64.b64decode(document["ciphertext"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(where, "is damaged") from None
    if type(version) is not int or version != VERSION or algorithm != ALGORITHM:
        raise _unusable(where, "is of a version that this ctaclient does not know")
    if not (isinstance(profile, str) and isinstance(issuer, str) and type(generation) is int):
        raise _unusable(where, "is damaged")
    if len(nonce) != _NONCE_BYTES:
        raise _unusable(where, "is damaged")
    return Header(profile, issuer, generation), nonce, ciphertext


def _associated(header: Header) -> bytes:
    return json.dumps([_FORMAT, VERSION, ALGORITHM, header.profile, header.issuer, header.generation]).encode()


def _unusable(where: str, why: str, profile: str | None = None) -> LoginRequired:
    option = f" --profile {profile}" if profile else ""
    return LoginRequired(f"the sealed login {where} {why}", hint=f"ctaclient start-agent{option} logs in anew")
