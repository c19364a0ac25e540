"""`record.json`: what is known about a profile's login, with nothing secret in it."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError

VERSION = 1
State = Literal["fresh", "login_required"]


@dataclass(frozen=True, slots=True)
class Record:
    """A login as the agent last saw it. Times are seconds since the epoch on the agent's clock.

    `token` is the fingerprint of the access token that this record describes; `generation` grows by one with each new
    one. `reason` says why the state is `login_required`. `audience` is that of a token for a narrower purpose.
    `login_ends_at` is the end of the login itself, where the issuer names one.
    """

    profile: str
    issuer: str
    client_id: str
    storage_url: str
    scope: str
    state: State
    token: str
    issued_at: float
    expires_at: float | None
    generation: int
    reason: str | None = None
    audience: str | None = None
    login_ends_at: float | None = None

    def to_json(self) -> bytes:
        """The file's content."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1).encode() + b"\n"


# The same bytes are read again for each token that a program asks for, until the agent writes new ones.
@functools.lru_cache(maxsize=16)
def parse_record(data: bytes, where: str) -> Record:
    """The record in `data`. Raises ConfigError, naming `where`, when it is of another version or no record at all."""
    try:
        document = json.loads(data)
        version = document.pop("version")
    except (ValueError, KeyError, AttributeError, RecursionError, TypeError):
        raise _wrong(where, "is damaged") from None
    if version != VERSION:
        raise _wrong(where, f"has version {printable(repr(version), limit=40)}, this ctaclient knows {VERSION}")
    if not all(isinstance(document.get(name), kinds) for name, kinds in _FIELDS.items()):
        raise _wrong(where, "is damaged")
    if not all(abs(document.get(name) or 0) < _FAR for name in _MOMENTS):
        raise _wrong(where, "is damaged")
    if document["state"] not in get_args(State):
        raise _wrong(where, f"has the state {printable(str(document['state']))!r}")
    return Record(**{name: document.get(name) for name in _FIELDS})


_FIELDS: dict[str, Any] = {
    **dict.fromkeys(("profile", "issuer", "client_id", "storage_url", "scope", "state", "token"), str),
    "issued_at": int | float,
    "expires_at": int | float | None,
    "generation": int,
    "reason": str | None,
    "audience": str | None,
    "login_ends_at": int | float | None,
}


# NaN, infinity and numbers of a thousand digits stop whoever reckons with them.
_MOMENTS = ("issued_at", "expires_at", "login_ends_at")
_FAR = 1e100


def _wrong(where: str, why: str) -> ConfigError:
    return ConfigError(f"{where} {why}", hint="ctaclient start-agent writes it anew")
