"""Each setting with its origin: argument, environment, profile in `config.toml`, built-in."""

from __future__ import annotations

import pytest

from ctaclient.config.file import ConfigFile
from ctaclient.config.profiles import BUILTIN, DEFAULT_SCOPE, Profile
from ctaclient.config.settings import Arguments, Setting, Settings, resolve
from ctaclient.errors import ConfigError, UsageError

SITE = Profile(
    "site",
    storage_url="https://site.example",
    issuer="https://issuer.example",
    client_id="cta",
    scope="openid",
    ca_bundle="/site.pem",
)
CONFIG = ConfigFile("site", {"site": SITE, "bare": Profile("bare")})
EMPTY = ConfigFile()


@pytest.mark.parametrize(
    ("arguments", "environ", "config", "profile", "origin"),
    [
        (Arguments(), {}, EMPTY, "cta-cscs", "built-in"),
        (Arguments(), {}, CONFIG, "site", "config.toml"),
        (Arguments(), {"CTACLIENT_STORAGE_URL": "https://x"}, CONFIG, "env", "CTACLIENT_STORAGE_URL"),
        (Arguments(storage_url="https://x"), {}, CONFIG, "env", "argument"),
        (Arguments(), {"CTACLIENT_PROFILE": "bare"}, CONFIG, "bare", "CTACLIENT_PROFILE"),
        (
            Arguments(),
            {"CTACLIENT_PROFILE": "bare", "CTACLIENT_STORAGE_URL": "https://x"},
            CONFIG,
            "bare",
            "CTACLIENT_PROFILE",
        ),
        (Arguments(profile="cta-cscs-dev"), {"CTACLIENT_PROFILE": "bare"}, CONFIG, "cta-cscs-dev", "argument"),
        (Arguments(), {"CTACLIENT_PROFILE": "", "CTACLIENT_STORAGE_URL": ""}, EMPTY, "cta-cscs", "built-in"),
    ],
)
def test_which_profile(
    arguments: Arguments, environ: dict[str, str], config: ConfigFile, profile: str, origin: str
) -> None:
    assert resolve(arguments, environ, config).profile == Setting(profile, origin)


VARIABLES = {"storage_url": "CTACLIENT_STORAGE_URL", "ca_bundle": "CTACLIENT_CA_BUNDLE"}


@pytest.mark.parametrize("key", ["storage_url", "issuer", "client_id", "scope", "ca_bundle"])
def test_each_value_comes_from_the_first_that_has_it(key: str) -> None:
    variable = VARIABLES.get(key)
    environ = {variable: "https://of-environment"} if variable else {}

    def seen(arguments: Arguments, environ: dict[str, str], config: ConfigFile, name: str) -> Setting:
        settings = resolve(arguments, {"CTACLIENT_PROFILE": name, **environ}, config)
        return dict(settings.items())[key]

    given = Arguments(**{key: "https://of-argument"})
    assert seen(given, environ, CONFIG, "site") == Setting("https://of-argument", "argument")
    if variable:
        assert seen(Arguments(), environ, CONFIG, "site") == Setting("https://of-environment", variable)
    assert seen(Arguments(), {}, CONFIG, "site") == Setting(getattr(SITE, key), "config.toml")
    builtin = getattr(BUILTIN["cta-cscs"], key)
    default = builtin or (DEFAULT_SCOPE if key == "scope" else None)
    assert seen(Arguments(), {}, EMPTY, "cta-cscs") == Setting(default, "built-in" if default else "not set")


def test_a_builtin_profile_can_be_changed_in_part() -> None:
    config = ConfigFile(None, {"cta-cscs": Profile("cta-cscs", storage_url="https://mirror.example")})
    settings = resolve(Arguments(), {}, config)
    assert settings.storage_url == Setting("https://mirror.example", "config.toml")
    assert settings.issuer == Setting(BUILTIN["cta-cscs"].issuer, "built-in")


@pytest.mark.parametrize(
    ("arguments", "environ", "overridden"),
    [
        (Arguments(), {}, False),
        (Arguments(profile="cta-cscs"), {}, False),
        (Arguments(), {"CTACLIENT_STORAGE_URL": "https://site.example"}, True),
        (Arguments(), {"CTACLIENT_PROFILE": "site", "CTACLIENT_STORAGE_URL": "https://site.example"}, True),
        (Arguments(profile="site", storage_url="https://site.example"), {}, True),
        (Arguments(profile="bare"), {}, True),
    ],
)
def test_an_overridden_storage_is_known(arguments: Arguments, environ: dict[str, str], overridden: bool) -> None:
    assert resolve(arguments, environ, CONFIG).storage_overridden is overridden


def test_the_environments_profile_has_nothing_but_its_storage() -> None:
    settings = resolve(Arguments(), {"CTACLIENT_STORAGE_URL": "https://x"}, CONFIG)
    assert (settings.name, settings.storage_url.value) == ("env", "https://x")
    assert (settings.issuer.value, settings.client_id.value, settings.ca_bundle.value) == (None, None, None)


def test_an_unknown_profile_says_who_named_it_and_which_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(Arguments(), {"CTACLIENT_PROFILE": "sight"}, CONFIG)
    assert str(caught.value) == (
        "there is no profile 'sight' (from CTACLIENT_PROFILE); known are bare, cta-cscs, cta-cscs-dev, site"
    )
    assert "--profile sight" in (caught.value.hint or "")


def values(settings: Settings) -> Profile:
    """The values in force, without their origins."""
    found = {name: setting.value for name, setting in settings.items() if name != "profile"}
    return Profile(settings.name, **found)


def test_a_new_profile_needs_only_a_storage() -> None:
    settings = resolve(Arguments(profile="new", storage_url="https://new.example"), {}, CONFIG)
    assert values(settings) == Profile("new", storage_url="https://new.example", scope=DEFAULT_SCOPE)


@pytest.mark.parametrize("source", ["argument", "CTACLIENT_PROFILE", "config.toml"])
def test_a_name_that_is_none_is_refused_wherever_it_stands(source: str) -> None:
    arguments = Arguments(profile="../x" if source == "argument" else None)
    environ = {"CTACLIENT_PROFILE": "../x"} if source == "CTACLIENT_PROFILE" else {}
    with pytest.raises(UsageError, match="is no profile name"):
        resolve(arguments, environ, ConfigFile("../x"))


def test_a_saved_profile_reads_back_the_same() -> None:
    settings: Settings = resolve(Arguments(profile="site"), {}, CONFIG)
    assert values(settings) == SITE
