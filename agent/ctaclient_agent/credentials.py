"""A login: all that a refresh needs, and how it becomes a sealed file's payload and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ctaclient_agent.seal import Header

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEEDED = ("client_id", "storage_url", "scope_asked", "scope", "refresh_token")


@dataclass(frozen=True, slots=True)
class Login:
    """All that a refresh needs. `scope_asked` is what the user wanted, `scope` what was granted.

    `generation` grows by one with each new token; the record of the same generation describes it.
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

    def secrets(self) -> Iterator[str]:
        """What no log may show."""
        yield from filter(None, (self.refresh_token, self.client_secret))


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
    if not all(isinstance(value, str | None) for value in values.values()):
        return None
    return Login(profile=header.profile, issuer=header.issuer, generation=header.generation, **values)  # type: ignore[arg-type]
