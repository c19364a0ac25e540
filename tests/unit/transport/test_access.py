"""Which token goes where, and one refresh for all threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ctaclient._util.origin import Origin
from ctaclient.errors import LoginRequired, TokenRejected
from ctaclient.tokens.token import AccessToken
from ctaclient.transport.access import Access
from tests.support.clock import FakeClock
from tests.unit.conftest import NOW, jwt

DOOR = Origin.of("https://door.example:2880")
STRANGERS = [
    "https://pool.example:2880",
    "https://door.example:2881",
    "https://door.example",
    "http://door.example:2880",
]


class Source:
    """Gives token-1; each call of `replace` makes the next one, up to `last`."""

    description = "the login of profile site"
    cure = "ctaclient start-agent --profile site"
    file = None

    def __init__(self, last: int = 10) -> None:
        self.number = 1
        self.last = last
        self.replaced: list[str] = []

    def get(self, *, min_ttl_s: float = 0) -> AccessToken:
        return AccessToken(f"token-{self.number}")

    def replace(self, refused: AccessToken) -> AccessToken | None:
        self.replaced.append(refused.value)
        if self.number == self.last:
            return None
        self.number += 1
        return self.get()


def access_with(source: Source) -> Access:
    return Access({DOOR: source}, FakeClock())


def test_its_origin_gets_it() -> None:
    assert access_with(Source()).token_for(DOOR) == AccessToken("token-1")


@pytest.mark.parametrize("url", STRANGERS)
def test_nobody_else_gets_any(url: str) -> None:
    assert access_with(Source()).token_for(Origin.of(url)) is None


def test_a_source_that_has_none_says_so() -> None:
    class Empty(Source):
        def get(self, *, min_ttl_s: float = 0) -> AccessToken:
            raise LoginRequired("you are not logged in")

    with pytest.raises(LoginRequired):
        access_with(Empty()).token_for(DOOR)


def test_one_refused_token_is_replaced_once_for_all_threads() -> None:
    source = Source()
    access = access_with(source)
    refused = source.get()
    together = threading.Barrier(16)

    def renew(_: int) -> AccessToken:
        together.wait()
        return access.renew(DOOR, refused)

    with ThreadPoolExecutor(16) as threads:
        renewed = set(threads.map(renew, range(16)))
    assert renewed == {AccessToken("token-2")}
    assert source.replaced == ["token-1"]


def test_a_refused_token_is_never_given_out_again() -> None:
    source = Source()
    access = access_with(source)
    access.renew(DOOR, source.get())
    source.number = 1  # as a store that is read over a slow network may show it
    assert access.token_for(DOOR) == AccessToken("token-2")


def test_where_there_is_no_other_the_refused_one_is_not_tried() -> None:
    source = Source(last=1)
    access = access_with(source)
    for _ in range(3):
        with pytest.raises(TokenRejected) as caught:
            access.renew(DOOR, source.get())
        assert caught.value.status == 401
    with pytest.raises(TokenRejected):
        access.token_for(DOOR)


def test_a_second_refusal_ends_it() -> None:
    source = Source()
    access = access_with(source)
    second = access.renew(DOOR, source.get())
    error = access.rejected(DOOR, second)
    assert str(error) == "https://door.example:2880 refused the token from the login of profile site"
    assert access.token_for(DOOR) == AccessToken("token-3")


def test_the_error_says_what_the_token_tells_and_never_the_token() -> None:
    value = jwt(exp=NOW - 3600, sub="me")
    error = access_with(Source()).rejected(DOOR, AccessToken(value, NOW - 3600))
    assert "the token expired 1 h ago" in str(error)
    assert value not in str(error)
