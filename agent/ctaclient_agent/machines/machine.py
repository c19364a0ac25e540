"""This machine's key pair, in a directory that no other sees, and the public keys of those that share the store."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ctaclient._util.private import ensure_private_dir, read_private, sync_directory, write_private
from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError, CtaError
from ctaclient_agent.machines.fence import NO_LINKS
from ctaclient_agent.machines.keypair import Protection, decode_key, encode_key, fingerprint_of, kind_of, public_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSION = 1
_DAY_S = 86_400.0
# A machine that did not start an agent for so long makes itself known again before it can open anything.
_FORGOTTEN_S = 90 * _DAY_S
_MAX_MACHINES = 200
_REFUSED_S = 60.0


class Machine:
    """The key in `directory`, and the machines that are known in `store`. Safe to share between threads.

    Raises ConfigError where the key is there and cannot be used, UnsafePath where others could have touched it.
    """

    def __init__(
        self,
        directory: Path,
        store: Path,
        protection: Protection | None = None,
        key: X25519PrivateKey | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        link: Callable[[Path, Path], None] = os.link,
    ) -> None:
        self.key_file = directory / "machine.key"
        self._locks = directory / "locks"
        self._known = store / "machines"
        self._protection = protection or Protection()
        self._key = key
        self._kind: str | None = None
        self._guard = threading.Lock()
        self._monotonic = monotonic
        self._link = link
        # Why the content of the key file could not be opened, and when.
        self._refusal: tuple[bytes, CtaError, float] | None = None

    def key(self) -> X25519PrivateKey | None:
        """The private key, or None while this machine has none."""
        with self._guard:
            if self._key is None:
                try:
                    data = read_private(self.key_file)
                except FileNotFoundError:
                    return None
                self._key = self._open(data)
                self._kind = kind_of(data)
            return self._key

    def _open(self, data: bytes) -> X25519PrivateKey:
        """The key in `data`. What failed is not tried again at once: a person may be asked, or a keyring be silent."""
        if self._refusal is not None:
            refused, known, at = self._refusal
            if refused == data and self._monotonic() - at < _REFUSED_S:
                raise _copy(known)
        try:
            return decode_key(data, str(self.key_file), self._protection)
        except CtaError as error:
            self._refusal = data, _copy(error), self._monotonic()
            raise

    def make_key(self) -> X25519PrivateKey:
        """The private key, made if it is missing, its public half published. Of several at once one makes it."""
        if (key := self.key()) is None:
            ensure_private_dir(self.key_file.parent)
            self._put(encode_key(X25519PrivateKey.generate(), self._protection))
            key = self.key()
        if key is None:
            raise ConfigError(f"the key {self.key_file} vanished while it was made", hint="ctaclient start-agent")
        self._publish(key.public_key())
        return key

    def protect(self) -> None:
        """Protect the key in another way from now on; does nothing when it is so already, or there is none yet."""
        key = self.key()
        if key is not None and self._kind != self._protection.kind:
            write_private(self.key_file, encode_key(key, self._protection))
            self._kind = self._protection.kind
        if key is not None:
            # Whoever was killed while it made the key may have left it here in clear.
            for left in self.key_file.parent.glob(f".*{self.key_file.name}.*"):
                left.unlink(missing_ok=True)

    def secret(self) -> bytes | None:
        """The private key for a process of ours that could not open the file by itself, or None when it could."""
        key = self.key()
        return key.private_bytes_raw() if key is not None and self._kind != "plain" else None

    def name(self) -> str | None:
        """The machine's fingerprint, or None while it has no key, or none that can be opened."""
        with contextlib.suppress(CtaError, OSError):
            key = self.key()
            return fingerprint_of(key.public_key()) if key else None
        return None

    def is_known(self) -> bool:
        """Whether the store is one in which this machine has made itself known. Raises OSError while that is away."""
        if (name := self.name()) is None:
            return False
        try:
            os.stat(self._known / f"{name}.json")
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def lock_file(self, profile: str) -> Path:
        """What the processes of this machine lock when they change the login of `profile`. Makes its directory."""
        ensure_private_dir(self._locks)
        return self._locks / profile

    def recipients(self) -> dict[str, X25519PublicKey]:
        """The public keys of the machines that share the store, by fingerprint; our own is among them.

        Of those that were seen lately, and of these the last ones: each node of a cluster may have made itself known.
        """
        found = {fingerprint_of(key): key for path in self._files() if (key := _read_public(path)) is not None}
        if (own := self.key()) is not None:
            found[fingerprint_of(own.public_key())] = own.public_key()
        return found

    def keep(self) -> None:
        """Be seen, once a day, and keep the key file from who clears old files away (systemd-tmpfiles, after 30 days).

        One that is gone is written again: a running agent still has the key.
        """
        if (name := self.name()) is not None:
            _touch_daily(self._known / f"{name}.json")
        if not _touch_daily(self.key_file) and self._key is not None and self._kind == "plain":
            ensure_private_dir(self.key_file.parent)
            self._put(encode_key(self._key, Protection()))

    def _put(self, data: bytes) -> None:
        temporary = self.key_file.with_name(f".{self.key_file.name}.{secrets.token_hex(6)}")
        write_private(temporary, data)
        try:
            # link(2) fails where the name exists, as O_EXCL does, but shows the file only when it is whole.
            self._link(temporary, self.key_file)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            _create(self.key_file, data)
        finally:
            temporary.unlink(missing_ok=True)
        sync_directory(self.key_file.parent)

    def _publish(self, key: X25519PublicKey) -> None:
        ensure_private_dir(self._known)
        path = self._known / f"{fingerprint_of(key)}.json"
        if _read_public(path) is None:
            public = base64.b64encode(public_bytes(key)).decode()
            body = {"version": VERSION, "host": socket.gethostname(), "public_key": public}
            write_private(path, json.dumps(body, indent=1).encode() + b"\n")
        else:
            _touch_daily(path)

    def _files(self) -> list[Path]:
        seen = {path: _seen_at(path) for path in self._known.glob("*.json") if re.fullmatch(r"[0-9a-f]{16}", path.stem)}
        lately = [path for path, at in seen.items() if time.time() - at < _FORGOTTEN_S]
        return sorted(lately, key=lambda path: seen[path])[-_MAX_MACHINES:]


def _copy(error: CtaError) -> CtaError:
    """The same without a traceback, whose frames know secrets."""
    return type(error)(error.message, hint=error.hint)


def _create(path: Path, data: bytes) -> None:
    """Write `path` where links are unknown, unless it is there: for a moment it is empty, and of no use to readers."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(fd, 0o600)  # the umask can only have taken bits away
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _seen_at(path: Path) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _touch_daily(path: Path) -> bool:
    """Set a file's time to now if that is a day old; False when there is no such file."""
    try:
        if time.time() - os.stat(path).st_mtime > _DAY_S:
            os.utime(path)
    except FileNotFoundError:
        return False
    return True


def host_of(store: Path, name: str) -> str | None:
    """The host on which the machine `name` was when it made itself known."""
    with contextlib.suppress(OSError, CtaError, ValueError, KeyError, TypeError):
        return printable(str(json.loads(read_private(store / "machines" / f"{name}.json"))["host"]), limit=100)
    return None


def _read_public(path: Path) -> X25519PublicKey | None:
    try:
        body = json.loads(read_private(path))
        if body["version"] != VERSION:
            return None
        key = X25519PublicKey.from_public_bytes(base64.b64decode(body["public_key"], validate=True))
    except (OSError, CtaError, ValueError, KeyError, TypeError, RecursionError):
        return None  # nobody is locked out by somebody else's damaged file
    return key if fingerprint_of(key) == path.stem else None
