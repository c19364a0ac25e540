"""A login: all that a refresh needs, and how it becomes a sealed file's payload and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ctaclient_agent.logins.seal import Header

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEEDED = ("client_id", "storage_url", "scope_asked", "scope", "refresh_token")


@dataclass(frozen=True, slots=True)
class Login:
    """All that a refresh needs. `scope_asked` is what the user wanted, `scope` what was granted.

    `generation` grows by one with each new token; the record of the same generation describes it. A client that we
    registered ourselves says in `registered_for` which flow it was made for (`device` or `code`); `registration_token`
    deletes it at `registration_uri` (RFC 7592). Its secret, should it have one, may end: `client_secret_expires_at`,
    seconds since the epoch. `audience_parameter` is the issuer's word for a token's audience, None for every one.
    """

    profile: str
    issuer: str
    generation: int
    client_id: str
    storage_url: str
    scope_asked: str
    scope: str
    subject: str | None
    ca_bundle: str | None
    refresh_token: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    client_secret_expires_at: float | None = None
    registered_for: str | None = None
    registration_uri: str | None = None
    registration_token: str | None = field(default=None, repr=False)
    audience_parameter: str | None = None

    def secrets(self) -> Iterator[str]:
        """What no log may show."""
        yield from filter(None, (self.refresh_token, self.client_secret, self.registration_token))


def sealed_parts(login: Login) -> tuple[Header, dict[str, Any]]:
    """The clear header and the payload to be encrypted."""
    payload = asdict(login)
    return Header(payload.pop("profile"), payload.pop("issuer"), payload.pop("generation")), payload


def login_of(header: Header, payload: dict[str, Any]) -> Login | None:
    """The login of an opened file, or None when something is missing or of the wrong kind."""
    names = [f.name for f in fields(Login) if f.name not in ("profile", "issuer", "generation")]
    values = {name: payload.get(name) for name in names}
    if not all(isinstance(values[name], str) for name in _NEEDED):
        return None
    kinds = {"client_secret_expires_at": int | float | None}
    if not all(isinstance(value, kinds.get(name, str | None)) for name, value in values.items()):
        return None
    return Login(profile=header.profile, issuer=header.issuer, generation=header.generation, **values)  # type: ignore[arg-type]
