"""`config.toml`: profiles, which of them is the default, issuers. The user's file: saving keeps comments and order."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from ctaclient._util.private import ensure_private_dir, read_trusted, write_private
from ctaclient._util.redact import printable
from ctaclient.config.issuers import Habits, parse_issuers
from ctaclient.config.profiles import ENVIRONMENT_PROFILE, Profile, check_profile_name
from ctaclient.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEYS = tuple(f.name for f in fields(Profile) if f.name != "name")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What `config.toml` says. `notify_command` is what the agent runs to tell the user something, or empty."""

    default: str | None = None
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    notify_command: tuple[str, ...] = ()
    issuers: Mapping[str, Habits] = field(default_factory=dict)


def load(path: Path) -> ConfigFile:
    """Read `path`; a missing file is an empty one.

    Raises ConfigError with the place that is wrong, UnsafePath when others can write it: it names a program to run.
    """
    try:
        document = tomllib.loads(read_trusted(path).decode())
    except FileNotFoundError:
        return ConfigFile()
    # ValueError: no UTF-8, no TOML, or a number of more digits than Python reads
    except (OSError, ValueError, RecursionError) as error:
        why = printable(error.strerror or "" if isinstance(error, OSError) else str(error))
        raise ConfigError(f"{path} cannot be read: {why}", hint=f"correct or remove {path}") from None
    return parse(document, str(path))


def parse(document: Mapping[str, Any], name: str) -> ConfigFile:
    """The meaning of a parsed document; `name` is for messages. Raises ConfigError for what it does not know."""
    unknown = set(document) - {"default", "profiles", "issuers", "notify_command"}
    if unknown:
        raise _wrong(name, f"unknown key {min(unknown)!r}")
    default = document.get("default")
    tables = document.get("profiles", {})
    if not isinstance(default, str | None) or not isinstance(tables, dict):
        raise _wrong(name, "'default' is a name, 'profiles' a table of tables")
    notify = document.get("notify_command", [])
    if not isinstance(notify, list) or not all(isinstance(word, str) and word and "\0" not in word for word in notify):
        raise _wrong(name, "'notify_command' is a list of texts: a program and its arguments")
    profiles = {key: _profile(key, table, name) for key, table in tables.items()}
    return ConfigFile(default, profiles, tuple(notify), parse_issuers(document.get("issuers", {}), name))


def save_profile(path: Path, profile: Profile, *, make_default: bool) -> None:
    """Write `profile` into `path`, leaving everything else in it as it is.

    Raises ConfigError, and leaves the file alone, when the result would not say exactly that.
    """
    before = load(path)  # never rewrite a file that we do not understand
    wanted = replace(
        before,
        default=profile.name if make_default else before.default,
        profiles={**before.profiles, profile.name: profile},
    )
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        data = _with_profile(text, profile, make_default=make_default).encode()
        understood = parse(tomllib.loads(data.decode()), str(path)) == wanted
    except (ValueError, ConfigError):  # forms that tomlkit cannot extend, or extends wrongly; text that is no UTF-8
        understood = False
    if not understood:
        raise ConfigError(
            f"profile {profile.name!r} cannot be written into {path}",
            hint=f"write the profiles in {path} as tables, [profiles.NAME]",
        )
    ensure_private_dir(path.parent)
    write_private(path, data)


def _with_profile(text: str, profile: Profile, *, make_default: bool) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    if make_default:
        document["default"] = profile.name
    tables = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    table = tables.setdefault(profile.name, tomlkit.table())
    for key in _KEYS:
        value = getattr(profile, key)
        if value is not None:
            table[key] = value
        else:
            table.pop(key, None)
    return tomlkit.dumps(document)


def _profile(key: str, table: Any, name: str) -> Profile:
    try:
        check_profile_name(key)
    except UsageError as error:
        raise _wrong(name, str(error)) from None
    if key == ENVIRONMENT_PROFILE:
        raise _wrong(name, f"the name {key!r} is kept for CTACLIENT_STORAGE_URL")
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise _wrong(name, f"profile {key!r} is a table of texts")
    unknown = set(table) - set(_KEYS)
    if unknown:
        raise _wrong(name, f"profile {key!r} has the unknown key {min(unknown)!r}; known are {', '.join(_KEYS)}")
    return Profile(key, **table)


def _wrong(name: str, why: str) -> ConfigError:
    return ConfigError(f"{name}: {why}", hint=f"correct {name}")
