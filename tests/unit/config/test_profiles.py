"""Profiles and their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.config.profiles import BUILTIN, DEFAULT_PROFILE, check_profile_name, profile_name_for
from ctaclient.errors import UsageError


@pytest.mark.parametrize("name", ["a", "cta-cscs", "0", "0-"])
def test_names(name: str) -> None:
    assert check_profile_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a b",
        "a/b",
        "..",
        ".",
        "a\n",
        "a\0",
        "ä",
        "a_b",
        "٣",
        "x" * 5 + "\u202e",
        "-",
        "-x",
        "lease",
        "machines",
    ],
)
def test_what_could_be_a_path_or_a_trick_is_no_name(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_profile_name(name)
    assert str(caught.value).isprintable()


@given(st.text())
def test_a_name_is_always_one_safe_file_name(name: str) -> None:
    try:
        check_profile_name(name)
    except UsageError:
        return
    assert name.isascii()
    assert set(name).isdisjoint("./\\\0\n")


def test_builtin_profiles_are_complete() -> None:
    assert DEFAULT_PROFILE in BUILTIN
    for name, profile in BUILTIN.items():
        assert profile.name == check_profile_name(name)
        assert all((profile.storage_url, profile.issuer, profile.client_id))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://dcache.cta.cscs.ch:2880/a", "dcache-cta-cscs-ch"),
        ("https://127.0.0.1:8443", "127-0-0-1"),
        ("https://[2001:db8::1]/", "2001-db8-1"),
        ("https://my_host./", "my-host"),
        ("https://bücher.example", "xn-bcher-kva-example"),
    ],
)
def test_the_name_made_from_a_storage(url: str, name: str) -> None:
    assert check_profile_name(profile_name_for(url)) == name
