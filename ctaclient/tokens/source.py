"""Where a client's token comes from, as one contract: give a token; be told that it was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctaclient._util.origin import Origin
from ctaclient.errors import LoginRequired, NetworkError
from ctaclient.tokens.token import AccessToken, parse_token

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.record import Record
    from ctaclient.tokens.store import TokenStore


class TokenSource(Protocol):
    """Gives access tokens. Safe to share between threads."""

    @property
    def description(self) -> str:
        """Where they come from, for messages."""
        ...

    @property
    def cure(self) -> str:
        """What to do when they do not work."""
        ...

    @property
    def file(self) -> Path | None:
        """The file in which other programs find the token and its successors, or None when it lies in none."""
        ...

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        """A token that lives at least `min_ttl_s` seconds more. Raises LoginRequired when there is none."""
        ...

    def replace(self, refused: AccessToken) -> AccessToken | None:
        """Another token after the storage refused this one, or None when there is no other."""
        ...


class FixedToken:
    """A token given as an argument or in `BEARER_TOKEN`: it never changes."""

    file = None

    def __init__(self, token: AccessToken, description: str, clock: Clock) -> None:
        self.description = description
        self.cure = f"correct or unset {description}" if description.isupper() else "give another token"
        self._token = token
        self._clock = clock

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        check_ttl(self._token, min_ttl_s, self._clock, self.description, hint=self.cure)
        return self._token

    def replace(self, refused: AccessToken) -> AccessToken | None:
        return self._token if self._token.value != refused.value else None


class FileToken:
    """A token file that somebody else keeps fresh (`BEARER_TOKEN_FILE`, HTCondor's credd, another agent)."""

    def __init__(self, path: Path, read: Callable[[Path], bytes], clock: Clock) -> None:
        self.description = str(path)
        self.cure = "renew it, or unset BEARER_TOKEN_FILE"
        self.file = path.absolute()
        self._path = path
        self._read = read
        self._clock = clock

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        token = self._load()
        check_ttl(token, min_ttl_s, self._clock, self.description, hint=self.cure)
        return token

    def replace(self, refused: AccessToken) -> AccessToken | None:
        token = self._load()
        return token if token.value != refused.value else None

    def _load(self) -> AccessToken:
        try:
            data = self._read(self._path)
        except OSError as error:
            raise LoginRequired(f"the token file {self._path} cannot be read: {error.strerror}") from None
        token = parse_token(data.decode("ascii", "replace"), self.description)
        if token is None:
            raise LoginRequired(f"the token file {self._path} is empty")
        return token


class StoredToken:
    """A profile's token in the store, which the agent keeps fresh; only as long as the login is one for `storage_url`.

    `ask_agent(profile)` makes a running agent refresh now. It returns when that has tried: with the reason why there is
    no new token now, or None, as where no agent can be reached.
    """

    def __init__(
        self,
        store: TokenStore,
        profile: str,
        storage_url: str,
        ask_agent: Callable[[str], str | None],
        clock: Clock,
    ) -> None:
        self.description = f"the login of profile {profile}"
        self.cure = f"ctaclient start-agent --profile {profile}"
        self.file = store.token_file(profile)
        self._store = store
        self._profile = profile
        self._storage_url = storage_url
        self._ask_agent = ask_agent
        self._clock = clock

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        record, token = self._read()
        if token and token.ttl_s(self._clock.now()) > min_ttl_s:
            return token
        trouble = None
        if record.state != "login_required":
            trouble = self._ask_agent(self._profile)
            record, token = self._read()
        if record.state == "login_required" and (token is None or token.ttl_s(self._clock.now()) <= min_ttl_s):
            why = f": {record.reason}" if record.reason else ""
            raise LoginRequired(f"the login of profile {self._profile} has ended{why}", hint=self.cure)
        if token is None:
            raise LoginRequired(f"there is no token for profile {self._profile}", hint=self.cure)
        left_s = token.ttl_s(self._clock.now())
        if trouble is not None and (left_s <= 0 or left_s < min_ttl_s):
            # The login stands, and the agent goes on trying: nobody is to log in because the issuer is away.
            raise NetworkError(
                f"there is no such token for profile {self._profile} now: {trouble}", hint="ctaclient agent status"
            )
        if 0 < left_s < min_ttl_s and record.expires_at is not None:
            life_s = record.expires_at - record.issued_at
            if life_s <= min_ttl_s:
                raise LoginRequired(
                    f"the issuer's tokens live {life_s:.0f} s, and never {min_ttl_s:.0f} s as wanted",
                    hint=f"--min-ttl {0.6 * life_s:.0f}s",
                )
        check_ttl(token, min_ttl_s, self._clock, self.description, hint=self.cure)
        return token

    def replace(self, refused: AccessToken) -> AccessToken | None:
        for ask in (False, True):
            if ask:
                self._ask_agent(self._profile)
            token = self._read()[1]
            if token and token.value != refused.value:
                return token
        return None

    def _read(self) -> tuple[Record, AccessToken | None]:
        found = self._store.read(self._profile)
        if found is None:
            raise LoginRequired(f"you are not logged in to profile {self._profile}", hint=self.cure)
        check_storage(found[0], self._storage_url)
        return found


def check_storage(record: Record, storage_url: str) -> None:
    """Raise LoginRequired when the login was made for another storage: its token is not for this one."""
    made_for = record.storage_url
    if made_for != storage_url and Origin.of(made_for) != Origin.of(storage_url):
        raise LoginRequired(
            f"the login of profile {record.profile} was made for {Origin.of(made_for)}",
            hint=f"ctaclient start-agent --profile {record.profile} logs in for {storage_url}",
        )


def check_ttl(token: AccessToken, min_ttl_s: float, clock: Clock, where: str, hint: str | None) -> None:
    """Raise LoginRequired when `token` has ended, or lives shorter than wanted."""
    left = token.ttl_s(clock.now())
    if left <= 0:
        raise LoginRequired(f"the token from {where} has expired", hint=hint)
    if left < min_ttl_s:
        raise LoginRequired(f"the token from {where} lives {left:.0f} s more, {min_ttl_s:.0f} s are wanted", hint=hint)
