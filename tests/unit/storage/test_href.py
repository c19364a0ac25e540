"""From hrefs back to names."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.errors import ProtocolError
from ctaclient.storage.href import segments_of
from ctaclient.storage.path import RemotePath
from tests.unit.storage.test_path import NAMES, PATHS, RAW_NAMES


def over_encoded(path: RemotePath) -> str:
    """As dCache: every byte outside `[A-Za-z0-9-_.*]` (storage.md 3.2)."""
    return path.quoted().replace("~", "%7E")


def lightly_encoded(path: RemotePath) -> str:
    """As Apache and sabre: what RFC 3986 allows in a path stays."""
    return "/" + "/".join(
        quote(name.encode("utf-8", "surrogateescape"), safe="!$&'()*+,;=:@~") for name in path.segments
    )


@given(path=PATHS, slash=st.booleans(), host=st.sampled_from(["", "https://door:2880", "HTTP://other.host"]))
@pytest.mark.parametrize("form", [RemotePath.quoted, over_encoded, lightly_encoded])
def test_escaped_names_come_back(form: object, path: RemotePath, slash: bool, host: str) -> None:
    assert callable(form)
    href = host + form(path) + ("/" if slash else "")
    assert segments_of(href, encoded=True) == path.segments


@given(path=st.lists(NAMES, max_size=4).map(lambda names: RemotePath(tuple(names))), slash=st.booleans())
def test_raw_names_come_back_from_a_server_that_does_not_escape(path: RemotePath, slash: bool) -> None:
    assert segments_of(str(path) + ("/" if slash else ""), encoded=False) == path.segments


@given(st.lists(NAMES | RAW_NAMES, min_size=1, max_size=3))
def test_a_name_that_cannot_be_escaped_text_is_raw_everywhere(names: list[str]) -> None:
    raw = [f"{name} " for name in names]
    assert segments_of("/" + "/".join(raw), encoded=True) == tuple(raw)


@pytest.mark.parametrize(
    ("href", "encoded", "segments"),
    [
        ("/a%20b", True, ("a b",)),
        ("/a%20b", False, ("a%20b",)),
        ("/a+b", True, ("a+b",)),
        ("/100%", True, ("100%",)),
        ("/a b%20c", True, ("a b%20c",)),
        ("/%C3%BC/u%CC%88", True, ("\u00fc", "u\u0308")),
        ("/%FF", True, ("\udcff",)),
        ("//a///b/", True, ("a", "b")),
        ("a/b", True, ("a", "b")),
        ("", True, ()),
        ("/", True, ()),
        ("https://door", True, ()),
        ("https://door:2880/a%23b", True, ("a#b",)),
        ("/a#b?c", False, ("a#b?c",)),
        ("/%252e%252e", True, ("%2e%2e",)),
    ],
)
def test_table(href: str, encoded: bool, segments: tuple[str, ...]) -> None:
    assert segments_of(href, encoded=encoded) == segments


@pytest.mark.parametrize(
    "href",
    [
        "/a/../b",
        "/..",
        "..",
        "/a/%2e%2e/b",
        "/a/%2E./b",
        "/./a",
        "/a%2Fb",
        "/a%2f..%2fb",
        "/a%00b",
        "https://door/../a",
    ],
)
def test_what_would_lead_elsewhere_is_refused(href: str) -> None:
    with pytest.raises(ProtocolError, match="which is refused") as caught:
        segments_of(href, encoded=True)
    assert str(caught.value).isprintable()


@given(st.text(), st.booleans())
def test_any_text_gives_names_or_a_protocol_error(href: str, encoded: bool) -> None:
    try:
        segments = segments_of(href, encoded=encoded)
    except ProtocolError:
        return
    assert RemotePath(segments).segments == segments
