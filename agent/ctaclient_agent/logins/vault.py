"""The logins of this store: loading them, and the one order in which a new token becomes durable."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from ctaclient._util.private import ensure_private_dir, read_private, sync_directory, write_private
from ctaclient._util.redact import fingerprint
from ctaclient.errors import CtaError, LoginRequired
from ctaclient.tokens.lock import FileLock
from ctaclient.tokens.record import Record
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from ctaclient_agent.issuer.narrowing import is_too_wide
from ctaclient_agent.logins.credentials import login_of, sealed_parts
from ctaclient_agent.logins.seal import NoKey, read_header, read_recipients, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient.tokens.scoped import TokenRequest
    from ctaclient_agent.issuer.answers import Tokens
    from ctaclient_agent.issuer.send_limit import SendLimit
    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.machines.machine import Machine

# Tells whether a sealed file was replaced or its mode was mended.
Stamp = tuple[int, int]
_DAY_S = 86_400.0


class Vault:
    """The sealed logins, tokens and records in the store's `directory`, for `machine` to open.

    `learn` is told every secret that is read or written, so that the log can hide it.
    """

    def __init__(self, directory: Path, machine: Machine, *, learn: Callable[[str], None] = lambda _: None) -> None:
        self.store = TokenStore(directory)
        self.machine = machine
        self._learn = learn

    def sealed_file(self, profile: str) -> Path:
        """Where the secrets of `profile` are."""
        return self.store.profile_dir(profile) / "login.sealed"

    def lock(self, profile: str) -> FileLock:
        """This machine's lock round «re-read, decide, refresh, store» (agent.md 0.2). Makes the profile's directory.

        It lies with the machine's key and not in the store: over NFS a lock may be local to its host, or never answer.
        Between machines the lease in `spending_dir` counts.
        """
        ensure_private_dir(self.store.profile_dir(profile))
        return FileLock(self.machine.lock_file(profile))

    def spending_dir(self, profile: str) -> Path:
        """Where is noted who is about to spend the refresh token of `profile`."""
        return self.store.profile_dir(profile) / "spending"

    def profiles(self) -> dict[str, Stamp]:
        """The profiles that have a sealed login, each with the stamp of its file.

        Raises OSError where the store is there and cannot be listed: then nobody knows which there are.
        """
        try:
            names = sorted(os.listdir(self.store.directory))
        except FileNotFoundError:
            return {}
        stamps = {name: self.stamp(name) for name in names if re.fullmatch(r"[a-z0-9-]+", name)}
        return {name: stamp for name, stamp in stamps.items() if stamp is not None}

    def stamp(self, profile: str) -> Stamp | None:
        """The stamp of the sealed login, or None when there is none."""
        return _stamp(self.sealed_file(profile))

    def generation(self, profile: str) -> int | None:
        """The generation that the sealed file claims; None when there is no such file, or none that makes sense.

        Raises OSError and UnsafePath: one that cannot be read now is not one that is gone.
        """
        path = self.sealed_file(profile)
        try:
            return read_header(read_private(path), str(path)).generation
        except (FileNotFoundError, LoginRequired):
            return None

    def load(self, profile: str) -> Login | None:
        """The login of `profile`, or None when there is none.

        Raises NoKey when only other machines can open it, LoginRequired when nobody can, UnsafePath when others could
        have touched it, ConfigError when the machine's key is unusable.
        """
        path = self.sealed_file(profile)
        try:
            data = read_private(path)
        except FileNotFoundError:
            return None
        cure = f"ctaclient start-agent --profile {profile} logs in anew"
        key = self.machine.key()
        if key is None:
            # Perhaps another machine has one, so this does not end the login.
            raise NoKey(f"this machine has no key to the sealed login {path}", hint=cure)
        login = login_of(*unseal(data, profile, key, str(path)))
        if login is None:
            raise LoginRequired(f"the sealed login {path} is incomplete", hint=cure)
        for secret in login.secrets():
            self._learn(secret)
        return login

    def can_open(self, profile: str) -> bool:
        """Whether the sealed login was made for this machine."""
        path = self.sealed_file(profile)
        try:
            return self.machine.name() in read_recipients(read_private(path), str(path))
        except (CtaError, OSError):
            return False

    def newcomers(self, profile: str) -> set[str]:
        """The machines that have made themselves known and for which the login is not sealed yet."""
        path = self.sealed_file(profile)
        try:
            return set(self.machine.recipients()) - read_recipients(read_private(path), str(path))
        except (CtaError, OSError):
            return set()

    def check(self, profile: str) -> None:
        """Say why directory or key cannot be used before anybody approves a login in vain; makes nothing."""
        for directory in (self.store.directory, self.store.profile_dir(profile)):
            if os.path.lexists(directory):
                ensure_private_dir(directory)
        self.machine.key()

    def prepare(self) -> None:
        """Make the store and the key, and write something there. Raises OSError when that is not possible."""
        ensure_private_dir(self.store.directory)
        self.machine.make_key()
        probe = self.store.directory / ".probe"
        write_private(probe, bytes(4096))
        probe.unlink()

    def save(self, login: Login, tokens: Tokens, now: float) -> Record:
        """Store what the issuer gave: the refresh token first, then the token, then the record. Needs the lock.

        Should we die in between, the newer refresh token is the one that survives; the record's generation then lags
        behind, and the next agent refreshes at once. Returns the record.
        """
        if login.generation == 0:
            # Another login, perhaps of somebody else: what was got with the old one is not to be found any more.
            shutil.rmtree(self.store.scoped(login.profile).directory, ignore_errors=True)
        login = self._rotate(replace(login, scope=tokens.scope or login.scope), tokens)
        record = _record(login, tokens, now)
        self.store.publish(record, AccessToken(tokens.access_token, record.expires_at))
        return record

    def save_scoped(self, login: Login, tokens: Tokens, request: TokenRequest, now: float) -> Record:
        """As `save`, where the token is for the narrower purpose `request`: the login's own token stays.

        One that is for more than that is not kept. Returns its record.
        """
        login = self._rotate(login, tokens)
        current = self.store.record(login.profile)
        if current is not None:
            self.store.publish(replace(current, generation=login.generation), None)
        record = replace(
            _record(login, tokens, now),
            profile=request.key(),
            # RFC 6749 5.1: an answer without a scope grants what was asked for
            scope=tokens.scope or " ".join(request.scope) or login.scope,
            audience=request.audience,
        )
        if not is_too_wide(tokens, request):
            self._drop_expired(login.profile, now)
            self.store.scoped(login.profile).publish(record, AccessToken(tokens.access_token, record.expires_at))
        return record

    def _drop_expired(self, profile: str, now: float) -> None:
        """Clear away the tokens for narrower purposes that have ended, a day later: not under a slow reader's hands."""
        scoped = self.store.scoped(profile)
        for key in scoped.profiles():
            with contextlib.suppress(CtaError, OSError):
                record = scoped.record(key)
                if record and record.expires_at is not None and record.expires_at < now - _DAY_S:
                    shutil.rmtree(scoped.profile_dir(key))

    def _rotate(self, login: Login, tokens: Tokens) -> Login:
        """Make the refresh token that is good now durable, under the next generation."""
        login = replace(
            login,
            # RFC 6749 6: without a new refresh token the old one stays
            refresh_token=tokens.refresh_token or login.refresh_token,
            generation=1 + max(login.generation, *self._generations(login.profile)),
        )
        for secret in (tokens.access_token, *login.secrets()):
            self._learn(secret)
        self._write(login)
        return login

    def seal_again(self, profile: str, limit: SendLimit, *, ca_bundle: str | None = None) -> bool:
        """Seal a login that we can open for all machines that are known now, perhaps with another CA bundle.

        Needs the lock, and the lease of spending until `limit`: written later, it would put a refresh token back that
        another machine has spent meanwhile. False when we cannot open it. Raises TimeoutError when it is too late.
        """
        with contextlib.suppress(LoginRequired):
            login = self.load(profile)
            if login is not None:
                data = self._sealed(replace(login, ca_bundle=ca_bundle or login.ca_bundle))
                limit.begin()
                try:
                    write_private(self.sealed_file(profile), data)
                finally:
                    limit.end()
                return True
        return False

    def wipe(self, profile: str) -> None:
        """Delete the login, its tokens and its record, the secrets first. Needs the lock."""
        # Hidden ones are of writers that were killed before the renaming.
        left = [path for path in self.store.profile_dir(profile).glob(".*") if path.is_file()]
        for path in (self.sealed_file(profile), self.store.token_file(profile), *left):
            path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.store.scoped(profile).directory)
        self.store.record_file(profile).unlink(missing_ok=True)
        sync_directory(self.store.profile_dir(profile))

    def require_login(self, profile: str, generation: int | None, reason: str) -> None:
        """Tell the readers that the login has ended; the token stays while it lives. Needs the lock.

        That is the login of `generation`: another one has come since. None: whichever is there.
        """
        record = self.store.record(profile)
        if record is not None and generation in (None, self.generation(profile)):
            self.store.publish(replace(record, state="login_required", reason=reason), None)

    def _generations(self, profile: str) -> tuple[int, int]:
        try:
            record = self.store.record(profile)
        except CtaError:
            record = None
        return self.generation(profile) or 0, record.generation if record else 0

    def _write(self, login: Login) -> None:
        write_private(self.sealed_file(login.profile), self._sealed(login))

    def _sealed(self, login: Login) -> bytes:
        self.machine.make_key()
        return seal(*sealed_parts(login), self.machine.recipients().values())


def _record(login: Login, tokens: Tokens, now: float) -> Record:
    return Record(
        profile=login.profile,
        issuer=login.issuer,
        client_id=login.client_id,
        storage_url=login.storage_url,
        scope=login.scope,
        state="fresh",
        token=fingerprint(tokens.access_token),
        issued_at=now,
        expires_at=now + tokens.life_s,
        generation=login.generation,
        login_ends_at=None if tokens.login_life_s is None else now + tokens.login_life_s,
    )


def _stamp(path: Path) -> Stamp | None:
    try:
        info = os.lstat(path)
    except OSError:
        return None
    return info.st_ino, info.st_ctime_ns
