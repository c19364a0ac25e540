"""Which profile a login is for, with everything it needs, and what of it is to be saved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ctaclient._util.redact import printable, safe_url
from ctaclient.config.profiles import BUILTIN, DEFAULT_SCOPE, ENVIRONMENT_PROFILE, Profile, profile_name_for
from ctaclient.config.settings import ARGUMENT, BUILT_IN, CONFIG_FILE, Arguments, Setting, resolve
from ctaclient.errors import ConfigError, UsageError
from ctaclient_agent.issuer.issuers import habits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.config.file import ConfigFile
    from ctaclient.config.issuers import Habits


@dataclass(frozen=True, slots=True)
class Target:
    """A profile that is complete but for the client: `client_id` is None where nobody named one.

    `to_save` is what goes to `config.toml`, or None when nothing was given.
    """

    name: str
    issuer: str
    client_id: str | None
    storage_url: str
    scope: str
    ca_bundle: str | None
    to_save: Profile | None
    habits: Habits

    @property
    def confidential(self) -> bool:
        """Whether the client is known to have a secret: those of the built-in profiles."""
        builtin = BUILTIN.get(self.name)
        return builtin is not None and builtin.client_id == self.client_id and builtin.issuer == self.issuer


def resolve_target(given: Arguments, environ: Mapping[str, str], config: ConfigFile) -> Target:
    """What to log in to. Raises UsageError or ConfigError, naming the option that is missing or wrong."""
    given = _cleaned(given)
    if given.profile is None and given.storage_url is not None:
        given = replace(given, profile=profile_name_for(given.storage_url))
    elif given.profile is None and given.issuer is not None:
        raise UsageError(
            "--issuer alone does not say for which storage",
            hint="add --storage-url URL, or --profile NAME to change that",
        )
    if given.profile is not None:
        # A profile is bound to its own storage: its token never goes where an environment variable points.
        environ = {name: value for name, value in environ.items() if name != "CTACLIENT_STORAGE_URL"}
    settings = resolve(given, environ, config)
    if settings.name == ENVIRONMENT_PROFILE:
        raise UsageError(
            f"the profile {ENVIRONMENT_PROFILE!r} (from {settings.profile.origin}) cannot log in",
            hint="unset CTACLIENT_STORAGE_URL, or give --profile NAME or --storage-url URL",
        )
    if account := settings.oidc_agent_account.value:
        raise ConfigError(
            f"profile {settings.name} has its tokens from oidc-agent's account {printable(account)}",
            hint="nothing is to be started; to log in here remove oidc_agent_account from config.toml",
        )
    ca_bundle = settings.ca_bundle.value
    issuer = _https(_needed(settings.issuer, "--issuer", settings.name), "--issuer")
    habits = habits_of(issuer, config.issuers)
    scope = settings.scope.value if settings.scope.origin != BUILT_IN else habits.scope
    target = Target(
        name=settings.name,
        issuer=issuer,
        client_id=(settings.client_id.value or "").strip() or None,
        storage_url=_https(_needed(settings.storage_url, "--storage-url", settings.name), "--storage-url"),
        scope=" ".join((scope or DEFAULT_SCOPE).split()),
        ca_bundle=str(Path(ca_bundle).expanduser().absolute()) if ca_bundle else None,
        to_save=None,
        habits=habits,
    )
    if given == Arguments(profile=given.profile):
        return target
    return replace(target, to_save=_profile_to_save(target, settings.items()))


def _cleaned(given: Arguments) -> Arguments:
    storage_url = given.storage_url
    if storage_url is not None:
        if storage_url.lower().startswith("davs://"):
            storage_url = "https" + storage_url[len("davs") :]
        storage_url = _https(storage_url, "--storage-url")
    return replace(given, storage_url=storage_url)


def _needed(setting: Setting, option: str, name: str) -> str:
    if setting.value is None or not setting.value.strip():
        raise ConfigError(
            f"profile {name} has no {option.removeprefix('--').replace('-', ' ')}", hint=f"add {option} VALUE"
        )
    return setting.value.strip()


def _https(url: str, option: str) -> str:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port or 1) > 0 and url.isprintable() and " " not in url
    except ValueError:
        raise UsageError(f"{option} is not a URL", hint=f"{option} https://HOST/…") from None
    if parts.scheme == "http":
        raise UsageError(f"{option} must be https: {printable(safe_url(url))}", hint=f"{option} https://…")
    if parts.scheme != "https" or not usable:
        raise UsageError(f"{option} is not an https URL: {printable(safe_url(url))}", hint=f"{option} https://HOST/…")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{option} may have no user, query or fragment", hint=f"{option} {printable(safe_url(url))}")
    return url


def _profile_to_save(target: Target, settings: list[tuple[str, Setting]]) -> Profile:
    # Built-in values stay built in, so that a later release can correct them; the environment stays in the environment.
    kept = {
        name: getattr(target, name)
        for name, setting in settings
        if name != "profile" and setting.origin in (ARGUMENT, CONFIG_FILE)
    }
    return Profile(target.name, **kept)
