"""`config.toml`: read strictly, written with care."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient.config.file import ConfigFile, load, save_profile
from ctaclient.config.profiles import Profile
from ctaclient.errors import ConfigError
from tests.support.hostile import check_words

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# Mine. Do not touch.
default = "b"   # the big one

[profiles.a]   # first
storage_url = "https://a.example"  # at home
issuer = "https://issuer.example"

[profiles.b]
storage_url = "https://b.example"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "config.toml"


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_missing_file_is_an_empty_one(file: Path) -> None:
    assert load(file) == ConfigFile()


def test_load(file: Path) -> None:
    config = load(written(file, TEXT))
    assert config.default == "b"
    assert config.profiles == {
        "a": Profile("a", storage_url="https://a.example", issuer="https://issuer.example"),
        "b": Profile("b", storage_url="https://b.example"),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("default = ", "cannot be read"),
        ("verify = false", "unknown key 'verify'"),
        ("[profiles.a]\ntoken = 'x'", "profile 'a' has the unknown key 'token'"),
        ("[profiles.a]\nstorage_url = 1", "profile 'a' is a table of texts"),
        ("[profiles]\na = 'x'", "profile 'a' is a table of texts"),
        ("profiles = []", "'profiles' a table of tables"),
        ("default = 3", "'default' is a name"),
        ("[profiles.'../a']\n", "is no profile name"),
        ('[profiles."\\u001b[31m"]\n', "is no profile name"),
        ("[profiles.env]\n", "is kept for CTACLIENT_STORAGE_URL"),
        ("[profiles.a]\n[profiles.a]\n", "cannot be read"),
    ],
)
def test_what_is_not_understood_is_refused(file: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(file, text))
    assert why in str(caught.value)
    assert str(file) in str(caught.value)
    assert str(caught.value).isprintable()
    assert str(file) in (caught.value.hint or "")


def test_a_directory_or_bytes_in_its_place(file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file)
    file.rmdir()
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file)


def test_saving_keeps_comments_order_and_the_others(file: Path) -> None:
    written(file, TEXT)
    save_profile(file, Profile("a", storage_url="https://new.example", client_id="cta"), make_default=False)
    assert file.read_text(encoding="utf-8") == TEXT.replace("https://a.example", "https://new.example").replace(
        'issuer = "https://issuer.example"\n', 'client_id = "cta"\n'
    )


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# only a comment",
        TEXT,
        'default = "c"\n',
        '[profiles]\na = { issuer = "https://i" }\n',
        '[profiles.a]\nissuer = "https://i"\n',
        '[profiles]\n[profiles.new]\nissuer = "https://old"\n',
        '[profiles.new]\r\nissuer = "https://old"\r\n',
    ],
)
def test_a_profile_can_be_added_to_any_style_of_file(file: Path, before: str) -> None:
    others = load(written(file, before)).profiles
    profile = Profile("new", storage_url="https://new.example", issuer="https://issuer.example")
    save_profile(file, profile, make_default=True)
    assert load(file) == ConfigFile("new", {**others, "new": profile})


@pytest.mark.parametrize(
    "before",
    ["profiles = {}\n", 'profiles = { a = { issuer = "https://i" } }\n', 'profiles.a.issuer = "https://i"\n'],
)
def test_a_form_that_cannot_be_extended_is_left_alone(file: Path, before: str) -> None:
    written(file, before)
    with pytest.raises(ConfigError, match="cannot be written into") as caught:
        save_profile(file, Profile("new", issuer="https://new.example"), make_default=True)
    assert "[profiles.NAME]" in (caught.value.hint or "")
    assert file.read_text(encoding="utf-8") == before


def test_what_is_not_understood_is_never_rewritten(file: Path) -> None:
    written(file, "[profiles.a]\nfuture = 'x'\n")
    with pytest.raises(ConfigError):
        save_profile(file, Profile("b"), make_default=True)
    assert file.read_text(encoding="utf-8") == "[profiles.a]\nfuture = 'x'\n"


@pytest.mark.parametrize(
    "profile", [Profile("env", issuer="x"), Profile("A b"), Profile(""), Profile("a", scope="\udcff")]
)
def test_what_could_not_be_read_back_is_never_written(file: Path, profile: Profile) -> None:
    written(file, TEXT)
    with pytest.raises(ConfigError):
        save_profile(file, profile, make_default=True)
    assert file.read_text(encoding="utf-8") == TEXT


def test_the_file_is_private_and_so_is_a_new_directory(file: Path) -> None:
    save_profile(file, Profile("a"), make_default=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


VALUES = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,11}", fullmatch=True).filter(
    lambda name: name not in ("env", "lease", "machines")
)


@given(
    profiles=st.lists(
        st.builds(Profile, NAMES, storage_url=VALUES, issuer=VALUES, client_id=VALUES, scope=VALUES, ca_bundle=VALUES),
        min_size=1,
        max_size=4,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip(file: Path, profiles: list[Profile]) -> None:
    file.unlink(missing_ok=True)
    for profile in profiles:
        save_profile(file, profile, make_default=True)
    assert load(file) == ConfigFile(profiles[-1].name, {profile.name: profile for profile in profiles})


# What TOML is made of, in any order.
PIECES = st.sampled_from(
    [
        *(
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            "=",
            ",",
            ".",
            "\n",
            "#",
            '"',
            "'",
            '"""',
            "\\",
            " ",
            "\t",
            "\r",
            "\0",
            "\x1b",
        ),
        *("default", "profiles", "issuers", "notify_command", "a", "env", "true", "1", "1e9", "inf", "2020-01-01", "é"),
        *("[profiles.a]\n", "storage_url = ", '"https://x"', '\n[issuers."https://i"]\n', "scope = ''\n"),
    ]
)


@given(st.binary() | st.lists(PIECES, max_size=30).map("".join).map(str.encode) | st.text().map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_whatever_is_in_the_file(file: Path, data: bytes) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_bytes(data)
    try:
        config = load(file)
    except ConfigError as error:
        check_words(error, where=str(file))
        return
    assert all(profile.name == name for name, profile in config.profiles.items())


@pytest.mark.parametrize(
    "data",
    [b"a = " + b"[" * 5000, b"a" + b".a" * 5000 + b" = 1", b"a = " + b"9" * 5000, b"a = 1\ra = 2", b"\xef\xbb\xbf"],
)
def test_what_python_would_not_read(file: Path, data: bytes) -> None:
    file.parent.mkdir(mode=0o700)
    file.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(file)
    check_words(caught.value, where=str(file))
