"""The forms of REMOTE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import UsageError
from ctaclient.storage.remote import parse_remote


@pytest.mark.parametrize(
    ("text", "path", "profile", "origin", "directory_form"),
    [
        ("/a/b", "/a/b", None, None, False),
        ("a/b", "/a/b", None, None, False),
        ("/a/b/", "/a/b", None, None, True),
        ("/", "/", None, None, True),
        ("/100%", "/100%", None, None, False),
        ("/a%2Fb#c?d", "/a%2Fb#c?d", None, None, False),
        ("/A", "/A", None, None, False),
        ("-rf", "/-rf", None, None, False),
        ("cta://site/a b", "/a b", "site", None, False),
        ("CTA://site/a", "/a", "site", None, False),
        ("cta:///a?b#c", "/a?b#c", None, None, False),
        ("cta://site", "/", "site", None, True),
        ("cta://site/", "/", "site", None, True),
        ("https://Door.Example:2880/A?b#c", "/A?b#c", None, "https://door.example:2880", False),
        ("davs://door.example/a/", "/a", None, "https://door.example", True),
        ("https://door.example", "/", None, "https://door.example", True),
        ("https://[::1]:2880/a@b", "/a@b", None, "https://[::1]:2880", False),
    ],
)
def test_table(text: str, path: str, profile: str | None, origin: str | None, directory_form: bool) -> None:
    remote = parse_remote(text)
    assert str(remote.path) == path
    assert remote.profile == profile
    assert (str(remote.origin) if remote.origin else None) == origin
    assert remote.directory_form is directory_form


@pytest.mark.parametrize(
    "text",
    [
        *("http://door/a", "dav://door/a", "ftp://door/a", "s3://bucket/a", "://a", "file:///etc/passwd"),
        *("https:///a", "https://me@door/a", "https://me:secret@door/a", "https://do or/a", "https://door:x/a"),
        *("cta://Site/a", "cta://../a", "cta://a b/c", "cta://site:2880/a"),
        *("/a/../b", "https://door/../a", "cta:///.."),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_remote(text)
    assert "secret" not in str(caught.value)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text(text: str) -> None:
    said = ""
    try:
        parse_remote(text)
    except UsageError as error:
        said = str(error)
    assert said.isprintable()
