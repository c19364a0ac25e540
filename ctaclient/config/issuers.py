"""What is known of an issuer beside what it says of itself, and how `config.toml` writes it: `[issuers."https://…"]`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

AudienceParameter = Literal["resource", "audience"]


@dataclass(frozen=True, slots=True)
class Habits:
    """What to do at an issuer where the user said nothing else; None where nothing is known.

    `client_id` is a public client that everybody may use, `scope` what to ask for. `registration`: whether a client may
    register itself; `client_name_prefix` begins its name then. `audience_parameter` is the only word that it takes for
    a token's audience: `resource` (RFC 8707) or the older `audience`. `revocation_ends_all`: revoking one refresh token
    ends the user's other logins with this client, too.
    """

    client_id: str | None = None
    scope: str | None = None
    registration: bool | None = None
    client_name_prefix: str | None = None
    audience_parameter: AudienceParameter | None = None
    revocation_ends_all: bool | None = None


_KINDS: dict[str, type] = {f.name: bool if "bool" in str(f.type) else str for f in fields(Habits)}


def parse_issuers(tables: object, name: str) -> dict[str, Habits]:
    """The table `issuers` of a configuration called `name`. Raises ConfigError for what it does not know."""
    if not isinstance(tables, dict):
        raise _wrong(name, "'issuers' is a table of tables")
    return {key: _habits(key, table, name) for key, table in tables.items()}


def _habits(key: str, table: object, name: str) -> Habits:
    shown = printable(key, limit=100)
    if not key.startswith("https://"):
        raise _wrong(name, f"issuer {shown!r} is no https URL")
    if not isinstance(table, dict):
        raise _wrong(name, f"issuer {shown!r} is a table")
    _check(table, f"issuer {shown!r}", name)
    return Habits(**table)


def _check(table: Mapping[str, Any], what: str, name: str) -> None:
    for key, value in table.items():
        kind = _KINDS.get(key)
        if kind is None:
            raise _wrong(name, f"{what} has the unknown key {printable(key)!r}; known are {', '.join(_KINDS)}")
        if not isinstance(value, kind):
            raise _wrong(name, f"{key!r} of {what} is {'true or false' if kind is bool else 'a text'}")
    allowed = get_args(AudienceParameter)
    if table.get("audience_parameter", allowed[0]) not in allowed:
        raise _wrong(name, f"'audience_parameter' of {what} is one of {', '.join(allowed)}")


def _wrong(name: str, why: str) -> ConfigError:
    return ConfigError(f"{name}: {why}", hint=f"correct {name}")
