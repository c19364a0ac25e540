"""Who acts, with which token: one profile's token never goes to another, and to no stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient._util.origin import Origin
from ctaclient.config.file import save_profile
from ctaclient.config.profiles import Profile
from ctaclient.config.settings import Arguments
from ctaclient.errors import ConfigError, LoginRequired
from ctaclient.identity import Identity
from ctaclient.tokens.token import AccessToken
from tests.support.clock import FakeClock
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.tokens.source import TokenSource

CLOCK = FakeClock()


class Home:
    """A home with two profiles, `a` (the default) and `b`, each logged in."""

    def __init__(self, directory: Path) -> None:
        self.environ = {"CTACLIENT_HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
        identity = self.identity()
        for name in ("b", "a"):
            profile = Profile(name, storage_url=f"https://{name}.example:2880")
            save_profile(identity.paths.config_file, profile, make_default=True)
            self.login(name)

    def login(self, name: str, storage_url: str | None = None) -> None:
        url = storage_url or f"https://{name}.example:2880"
        record = a_record(f"token-{name}", profile=name, storage_url=url)
        self.identity().store.publish(record, AccessToken(f"token-{name}"))

    def identity(self, *, token: str | None = None, **environ: str) -> Identity:
        return Identity(Arguments(), {**self.environ, **environ}, CLOCK, token=token)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "cta")


def value(source: TokenSource) -> str:
    return source.get().value


def test_each_profile_has_its_own_token(home: Home) -> None:
    identity = home.identity()
    for name in ("a", "b"):
        assert value(identity.token_source(identity.of_profile(name))) == f"token-{name}"
    assert value(identity.token_source(identity.settings)) == "token-a"


@pytest.mark.parametrize("way", ["argument", "BEARER_TOKEN", "BEARER_TOKEN_FILE"])
def test_a_token_that_was_handed_over_is_for_the_selected_profile_alone(home: Home, way: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("handed-over")
    identity = {
        "argument": lambda: home.identity(token="handed-over"),
        "BEARER_TOKEN": lambda: home.identity(BEARER_TOKEN="handed-over"),
        "BEARER_TOKEN_FILE": lambda: home.identity(BEARER_TOKEN_FILE=str(tmp_path / "file")),
    }[way]()
    assert value(identity.token_source(identity.settings)) == "handed-over"
    assert value(identity.token_source(identity.of_profile("b"))) == "token-b"


@pytest.mark.parametrize("profile", [None, "a"])
def test_no_stored_token_goes_where_a_variable_points(home: Home, profile: str | None) -> None:
    environ = {"CTACLIENT_STORAGE_URL": "https://elsewhere.example"}
    if profile:
        environ["CTACLIENT_PROFILE"] = profile
    identity = home.identity(**environ)
    with pytest.raises(LoginRequired, match="the storage URL comes from CTACLIENT_STORAGE_URL") as caught:
        identity.token_source(identity.settings)
    assert "BEARER_TOKEN_FILE" in (caught.value.hint or "")
    handed_over = home.identity(BEARER_TOKEN="mine", **environ)
    assert value(handed_over.token_source(handed_over.settings)) == "mine"


def test_an_override_is_for_the_selected_profile_alone(home: Home) -> None:
    identity = home.identity(CTACLIENT_STORAGE_URL="https://elsewhere.example", CTACLIENT_PROFILE="a")
    other = identity.of_profile("b")
    assert other.storage_url.value == "https://b.example:2880"
    assert value(identity.token_source(other)) == "token-b"


@pytest.mark.parametrize("url", ["https://other.example:2880", "https://a.example", "https://a.example:2881"])
def test_a_login_made_for_another_storage_is_not_used(home: Home, url: str) -> None:
    home.login("a", url)
    identity = home.identity()
    with pytest.raises(LoginRequired, match="the login of profile a was made for") as caught:
        identity.token_source(identity.settings)
    assert "ctaclient start-agent --profile a" in (caught.value.hint or "")


def test_the_path_of_the_storage_does_not_matter(home: Home) -> None:
    home.login("a", "https://A.example:2880/other/path")
    assert value(home.identity().token_source(home.identity().settings)) == "token-a"


def test_not_logged_in_says_what_to_type(home: Home) -> None:
    identity = home.identity(CTACLIENT_PROFILE="cta-cscs")
    with pytest.raises(LoginRequired, match="you are not logged in to profile cta-cscs") as caught:
        identity.token_source(identity.settings)
    assert caught.value.hint == "ctaclient start-agent --profile cta-cscs"


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://a.example:2880", "a"),
        ("https://b.example:2880", "b"),
        ("https://dcache.cta.cscs.ch:2880", "cta-cscs"),
        ("https://a.example", None),
        ("https://a.example:2881", None),
        ("http://a.example:2880", None),
        ("https://evil.example", None),
        ("https://a.example.evil.example:2880", None),
    ],
)
def test_whose_origin_it_is(home: Home, origin: str, name: str | None) -> None:
    found = home.identity().profile_at(Origin.of(origin))
    assert (found.name if found else None) == name


def test_where_the_selected_profile_points_elsewhere_its_own_storage_is_a_strangers(home: Home) -> None:
    identity = home.identity(CTACLIENT_STORAGE_URL="https://elsewhere.example", CTACLIENT_PROFILE="a")
    assert identity.profile_at(Origin.of("https://a.example:2880")) is None
    found = identity.profile_at(Origin.of("https://elsewhere.example"))
    assert found is not None
    assert found.storage_overridden


def test_one_useless_profile_does_not_hide_the_others(home: Home) -> None:
    config = home.identity().paths.config_file
    save_profile(config, Profile("c", storage_url="nonsense"), make_default=False)
    found = home.identity().profile_at(Origin.of("https://dcache.cta.cscs.ch:2880"))
    assert found is not None
    assert found.name == "cta-cscs"


def test_a_profile_without_a_storage_says_so(home: Home) -> None:
    save_profile(home.identity().paths.config_file, Profile("bare"), make_default=True)
    identity = home.identity()
    with pytest.raises(ConfigError, match="profile bare has no storage URL"):
        identity.storage_url(identity.settings)
