"""Each setting with its origin. Order: argument, environment, profile in `config.toml`, built-in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from ctaclient.config.profiles import (
    BUILTIN,
    DEFAULT_PROFILE,
    DEFAULT_SCOPE,
    ENVIRONMENT_PROFILE,
    check_profile_name,
)
from ctaclient.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.config.file import ConfigFile

ARGUMENT = "argument"
BUILT_IN = "built-in"
CONFIG_FILE = "config.toml"
UNSET = "not set"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it came from."""

    value: str | None
    origin: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the caller said; None where nothing was said."""

    profile: str | None = None
    storage_url: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    scope: str | None = None
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force for one profile."""

    profile: Setting
    storage_url: Setting
    issuer: Setting
    client_id: Setting
    scope: Setting
    ca_bundle: Setting
    oidc_agent_account: Setting

    @property
    def name(self) -> str:
        """The profile's name."""
        return self.profile.value or ""

    @property
    def storage_overridden(self) -> bool:
        """Whether the storage URL is not the profile's own: then its stored token does not go there."""
        return self.storage_url.origin not in (CONFIG_FILE, BUILT_IN)

    def items(self) -> list[tuple[str, Setting]]:
        """All settings in order, for showing."""
        return [(f.name, getattr(self, f.name)) for f in fields(self)]


def resolve(arguments: Arguments, environ: Mapping[str, str], config: ConfigFile) -> Settings:
    """The settings in force. Raises ConfigError for a profile that nobody defined."""
    selected = select_profile(arguments, environ, config)
    name = selected.value or ""
    saved = config.profiles.get(name)
    builtin = BUILTIN.get(name)
    if not (saved or builtin or name == ENVIRONMENT_PROFILE or arguments.storage_url):
        known = sorted({*config.profiles, *BUILTIN})
        raise ConfigError(
            f"there is no profile {name!r} (from {selected.origin}); known are {', '.join(known)}",
            hint=f"ctaclient start-agent --profile {name} --issuer URL --client-id ID --storage-url URL",
        )

    def pick(key: str, variable: str | None = None, default: str | None = None) -> Setting:
        if (value := getattr(arguments, key, None)) is not None:  # not every setting is an argument
            return Setting(value, ARGUMENT)
        if variable and (value := environ.get(variable)):
            return Setting(value, variable)
        for profile, origin in ((saved, CONFIG_FILE), (builtin, BUILT_IN)):
            if profile and (value := getattr(profile, key)) is not None:
                return Setting(value, origin)
        return Setting(default, BUILT_IN if default else UNSET)

    return Settings(
        profile=selected,
        storage_url=pick("storage_url", "CTACLIENT_STORAGE_URL"),
        issuer=pick("issuer"),
        client_id=pick("client_id"),
        scope=pick("scope", default=DEFAULT_SCOPE),
        ca_bundle=pick("ca_bundle", "CTACLIENT_CA_BUNDLE"),
        oidc_agent_account=pick("oidc_agent_account"),
    )


def select_profile(arguments: Arguments, environ: Mapping[str, str], config: ConfigFile) -> Setting:
    """Which profile is meant: argument, CTACLIENT_PROFILE, CTACLIENT_STORAGE_URL, `default =`, `cta-cscs`."""
    if arguments.profile:
        return Setting(check_profile_name(arguments.profile), ARGUMENT)
    if name := environ.get("CTACLIENT_PROFILE"):
        return Setting(check_profile_name(name), "CTACLIENT_PROFILE")
    if arguments.storage_url:
        return Setting(ENVIRONMENT_PROFILE, ARGUMENT)
    if environ.get("CTACLIENT_STORAGE_URL"):
        return Setting(ENVIRONMENT_PROFILE, "CTACLIENT_STORAGE_URL")
    if config.default:
        return Setting(check_profile_name(config.default), CONFIG_FILE)
    return Setting(DEFAULT_PROFILE, BUILT_IN)
