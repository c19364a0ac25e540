"""What a login is for, and what of it is saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ctaclient.config.file import ConfigFile
from ctaclient.config.issuers import Habits
from ctaclient.config.profiles import Profile
from ctaclient.config.settings import Arguments
from ctaclient.errors import ConfigError, UsageError
from ctaclient_agent.login.target import resolve_target

FULL = Arguments(storage_url="https://dcache.example:2880", issuer="https://issuer.example", client_id="client")
SAVED = Profile("mine", "https://mine.example", "https://issuer.example/", "client", "openid x", "/ca.pem")


def test_a_new_profile_is_named_after_its_storage_and_saved_without_built_in_values() -> None:
    target = resolve_target(FULL, {"CTACLIENT_PROFILE": "cta-cscs", "CTACLIENT_CA_BUNDLE": "/ca"}, ConfigFile())
    assert (target.name, target.scope, target.ca_bundle) == ("dcache-example", "openid offline_access", "/ca")
    assert target.to_save == Profile("dcache-example", FULL.storage_url, FULL.issuer, "client")
    assert not target.confidential


def test_the_built_in_profile_needs_nothing_and_saves_nothing() -> None:
    target = resolve_target(Arguments(), {}, ConfigFile())
    assert (target.name, target.client_id, target.to_save) == ("cta-cscs", "dcache-cta-cscs-ch-users", None)
    assert target.confidential
    assert resolve_target(Arguments(scope="openid"), {}, ConfigFile()).to_save == Profile("cta-cscs", scope="openid")
    assert not resolve_target(Arguments(profile="cta-cscs", client_id="other"), {}, ConfigFile()).confidential


def test_a_saved_profile_is_completed_by_arguments() -> None:
    config = ConfigFile(profiles={"mine": SAVED})
    target = resolve_target(Arguments(profile="mine", client_id="new"), {}, config)
    assert target.to_save == Profile(
        "mine", "https://mine.example", "https://issuer.example/", "new", "openid x", "/ca.pem"
    )
    assert resolve_target(Arguments(profile="mine"), {}, config).to_save is None


def test_paths_are_saved_in_full_and_davs_is_https() -> None:
    given = Arguments(storage_url="davs://d.example", issuer="https://i", client_id="c", ca_bundle="ca.pem")
    target = resolve_target(given, {}, ConfigFile())
    assert target.storage_url == "https://d.example"
    assert target.to_save is not None
    assert target.to_save.ca_bundle == str(Path("ca.pem").absolute())
    assert target.to_save.storage_url == "https://d.example"


def test_an_environment_variable_never_binds_a_token_to_a_storage() -> None:
    environ = {"CTACLIENT_STORAGE_URL": "https://evil.example"}
    target = resolve_target(Arguments(profile="mine"), environ, ConfigFile(profiles={"mine": SAVED}))
    assert target.storage_url == "https://mine.example"
    with pytest.raises(UsageError, match="env"):
        resolve_target(Arguments(), environ, ConfigFile())


def test_without_a_client_id_the_issuer_s_habits_count() -> None:
    check_in = Arguments(storage_url="https://s", issuer="https://aai.egi.eu/auth/realms/egi/")
    target = resolve_target(check_in, {}, ConfigFile())
    assert target.client_id is None
    assert target.habits.client_id == "oidc-agent"
    assert "eduperson_entitlement" in target.scope.split()
    assert target.to_save is not None
    assert (target.to_save.client_id, target.to_save.scope) == (None, None)
    assert resolve_target(replace(check_in, scope="openid"), {}, ConfigFile()).scope == "openid"
    own = ConfigFile(issuers={"https://aai.egi.eu/auth/realms/egi": Habits(scope="openid mine")})
    assert resolve_target(check_in, {}, own).scope == "openid mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Arguments(issuer="https://i"), "--issuer alone"),
        (Arguments(storage_url="https://s", client_id="c"), "issuer"),
        (Arguments(profile="nobody"), "no profile"),
        (Arguments(profile="Bad Name"), "profile name"),
        (
            Arguments(profile="new", storage_url="http://s", issuer="https://i", client_id="c"),
            "--storage-url must be https",
        ),
        (Arguments(storage_url="https://s", issuer="http://i", client_id="c"), "--issuer must be https"),
        (Arguments(storage_url="https://s", issuer="ftp://i", client_id="c"), "--issuer is not"),
        (Arguments(storage_url="https://s", issuer="issuer", client_id="c"), "--issuer is not"),
        (Arguments(storage_url="https://u:p@s", issuer="https://i", client_id="c"), "no user"),
        (Arguments(storage_url="https://s", issuer="https://i?x=1", client_id="c"), "query"),
        (Arguments(storage_url="https://s:port", issuer="https://i", client_id="c"), "--storage-url"),
    ],
)
def test_what_cannot_be_meant_names_the_option(given: Arguments, said: str) -> None:
    with pytest.raises((UsageError, ConfigError), match=said) as caught:
        resolve_target(given, {}, ConfigFile())
    assert caught.value.hint
    assert "p@s" not in str(caught.value)
