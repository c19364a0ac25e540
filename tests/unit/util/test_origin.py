"""Origins: scheme, host and port, and nothing else."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient._util.origin import Origin
from ctaclient.errors import UsageError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://door.example", "https://door.example"),
        ("https://door.example:443/a", "https://door.example"),
        ("HTTPS://DOOR.Example:2880/A?b#c", "https://door.example:2880"),
        ("davs://door.example/a", "https://door.example"),
        ("dav://door.example:80/a", "http://door.example"),
        ("http://door.example:8080", "http://door.example:8080"),
        ("https://[::1]:2880/", "https://[::1]:2880"),
        ("https://me:secret@door.example/a", "https://door.example"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
    ],
)
def test_of(url: str, shown: str) -> None:
    assert str(Origin.of(url)) == shown
    assert Origin.of(shown) == Origin.of(url)


def test_port_and_scheme_tell_origins_apart() -> None:
    urls = ["https://door", "https://door:2880", "http://door", "http://door:443", "https://door.", "https://pool"]
    assert len({Origin.of(url) for url in urls}) == len(urls)


@pytest.mark.parametrize(
    "url",
    [
        *("", "door.example", "/a", "https://", "https:///a", "ftp://door", "file:///etc/passwd", "https:door"),
        *("https://door:port", "https://door:99999", "https://[::1", "https://a b", "https://a%20b", "https://a\\b"),
        *("https://do\x00or", "https://[1::2::3]", "https://" + "ä" * 80, "https://a..b"),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Origin.of(url)


@given(st.text(max_size=20), st.text(max_size=10))
def test_only_usage_errors_and_never_another_host_than_httpx(host: str, path: str) -> None:
    url = f"https://{host}/{path}"
    try:
        origin = Origin.of(url)
    except UsageError:
        return
    there = httpx.URL(str(origin))
    assert (there.raw_host.decode(), there.port or 443) == (origin.host, origin.port)
