"""`Client.auth` and `ctaclient.auth` with somebody else's httpx client."""

from __future__ import annotations

import asyncio
import pickle
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest

import ctaclient
from ctaclient.client import Client
from ctaclient.errors import ConfigError, LoginRequired, TokenRejected
from tests.faults.test_tokens import log_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ctaclient.transport.auth import BearerAuth
    from tests.faults.bytes_server import BytesServer, Serve, Talk
    from tests.faults.conftest import Trust

    Make = Callable[[str, str], BearerAuth]


def presented(server: BytesServer) -> list[str | None]:
    """What was in `Authorization`, in order."""
    return [head.headers.get("authorization") for head in server.heads]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "ctaclient-home"


@pytest.fixture
def user(trust: Trust) -> Iterator[httpx.Client]:
    """A client of httpx as anybody makes it."""
    context = ssl.create_default_context(cafile=str(trust.ca_file))
    with httpx.Client(verify=context, follow_redirects=True, trust_env=False) as made:
        yield made


@pytest.fixture
def door(serve: Serve) -> BytesServer:
    """Knows the token `good` alone; `/away/URL` redirects there."""
    return serve(_answer)


def _answer(talk: Talk) -> None:
    while head := talk.hear():
        body = talk.body(head)
        away = head.target.partition("/away/")[2]
        if head.headers.get("authorization") != "Bearer good":
            talk.answer(401)
        elif away:
            talk.answer(307, {"Location": away})
        else:
            talk.answer(200, body=body)


@pytest.fixture
def auth_for(home: Path, trust: Trust) -> Make:
    """Logs in for a storage with a token; the auth of a client there."""

    def make(url: str, token: str) -> BearerAuth:
        log_in(home, "here", url, token)
        return Client(environ={"CTACLIENT_HOME": str(home)}).auth()

    return make


def test_the_storage_gets_the_token(door: BytesServer, user: httpx.Client, auth_for: Make) -> None:
    auth = auth_for(f"{door.url}/base", "good")
    assert isinstance(auth, httpx.Auth)
    answer = user.put(f"{door.url}/f", content=b"body", auth=auth)
    assert (answer.status_code, answer.content) == (200, b"body")
    assert presented(door) == ["Bearer good"]


def test_nobody_else_gets_it(serve: Serve, user: httpx.Client, auth_for: Make) -> None:
    door, stranger = serve(_answer), serve(_answer)
    auth = auth_for(door.url, "good")
    assert user.get(f"{stranger.url}/f", auth=auth).status_code == 401
    assert user.get(f"{stranger.url}/f", auth=auth, headers={"Authorization": "Bearer own"}).status_code == 401
    assert presented(stranger) == [None, "Bearer own"]


def test_plain_http_gets_nothing(auth_for: Make) -> None:
    flow = auth_for("https://localhost:1", "good").sync_auth_flow(httpx.Request("GET", "http://localhost:1/f"))
    assert "Authorization" not in next(flow).headers


def test_a_redirect_to_another_origin_goes_without(serve: Serve, user: httpx.Client, auth_for: Make) -> None:
    door, pool = serve(_answer), serve(_answer)
    auth = auth_for(door.url, "good")
    answer = user.get(f"{door.url}/away/{pool.url}/f", auth=auth)
    # The pool's 401 is not about our token: nothing is renewed, nothing is sent twice.
    assert answer.status_code == 401
    assert (presented(door), presented(pool)) == (["Bearer good"], [None])
    assert user.get(f"{door.url}/f", auth=auth).status_code == 200


def test_nor_on_its_way_back(serve: Serve, user: httpx.Client, auth_for: Make) -> None:
    door = serve(_answer)
    pool = serve(lambda talk: _redirect(talk, f"{door.url}/f"))
    auth = auth_for(door.url, "good")
    assert user.get(f"{door.url}/away/{pool.url}/f", auth=auth).status_code == 401
    assert presented(door) == ["Bearer good", None]


def _redirect(talk: Talk, url: str) -> None:
    while head := talk.hear():
        talk.body(head)
        talk.answer(307, {"Location": url})


def test_within_the_storage_the_token_comes_along(door: BytesServer, user: httpx.Client, auth_for: Make) -> None:
    assert user.get(f"{door.url}/away/{door.url}/f", auth=auth_for(door.url, "good")).status_code == 200
    assert presented(door) == ["Bearer good"] * 2


def renewing(home: Path, serve: Serve, *tokens: str) -> BytesServer:
    """A door that knows `good`; each time it refuses a token, the agent has the next one."""
    left = iter(tokens)

    def answer(talk: Talk) -> None:
        while head := talk.hear():
            body = talk.body(head)
            if head.headers.get("authorization") == "Bearer good":
                talk.answer(200, body=body)
                continue
            if (token := next(left, None)) is not None:
                log_in(home, "here", server.url, token)
            talk.answer(401)

    server = serve(answer)
    return server


def test_after_a_401_the_new_token_is_tried_once(home: Path, serve: Serve, user: httpx.Client, auth_for: Make) -> None:
    door = renewing(home, serve, "good")
    auth = auth_for(door.url, "bad")
    assert user.put(f"{door.url}/f", content=b"body", auth=auth).content == b"body"
    assert user.get(f"{door.url}/f", auth=auth).status_code == 200
    assert presented(door) == ["Bearer bad", "Bearer good", "Bearer good"]
    assert [head.length for head in door.heads] == [4, 4, 0]


def test_twice_is_the_end(home: Path, serve: Serve, user: httpx.Client, auth_for: Make) -> None:
    door = renewing(home, serve, "also-bad")
    auth = auth_for(door.url, "bad")
    for _ in range(2):
        with pytest.raises(TokenRejected) as caught:
            user.get(f"{door.url}/f", auth=auth)
        assert caught.value.hint is not None
        assert "start-agent" in caught.value.hint
    assert presented(door) == ["Bearer bad", "Bearer also-bad"]  # dCache blocks an address after three


def test_what_cannot_be_sent_twice_is_not(
    home: Path, serve: Serve, user: httpx.Client, auth_for: Make, tmp_path: Path
) -> None:
    door = renewing(home, serve, "good")
    auth = auth_for(door.url, "bad")
    (tmp_path / "body").write_bytes(b"body")
    for expected in (401, 200):
        with (tmp_path / "body").open("rb") as file:
            assert user.put(f"{door.url}/f", content=file, auth=auth).status_code == expected
    assert presented(door) == ["Bearer bad", "Bearer good"]


def test_asynchronously(home: Path, serve: Serve, trust: Trust, auth_for: Make) -> None:
    door = renewing(home, serve, "good")
    auth = auth_for(door.url, "bad")

    async def ask() -> list[int]:
        context = ssl.create_default_context(cafile=str(trust.ca_file))
        async with httpx.AsyncClient(verify=context, auth=auth, trust_env=False) as user:
            first = await user.put(f"{door.url}/f", content=b"body")
            return [first.status_code, (await user.get(f"{door.url}/f")).status_code]

    assert asyncio.run(ask()) == [200, 200]
    assert presented(door) == ["Bearer bad", "Bearer good", "Bearer good"]


def test_while_another_waits_for_a_token_the_loop_goes_on(auth_for: Make, home: Path) -> None:
    """The event loop is not held up by somebody who asks the agent."""
    auth = auth_for("https://localhost:1", "good")

    async def flow() -> httpx.Request:
        asked = auth.async_auth_flow(httpx.Request("GET", "https://localhost:1/f"))
        request = await anext(asked)
        await asked.aclose()
        return request

    async def ticking() -> tuple[httpx.Request, int]:
        task, ticks = asyncio.ensure_future(flow()), 0
        while not task.done():
            await asyncio.sleep(0)
            ticks += 1
        return task.result(), ticks

    request, ticks = asyncio.run(ticking())
    assert request.headers["Authorization"] == "Bearer good"
    assert ticks > 1


def test_a_new_login_counts_at_once_in_a_running_kernel(
    door: BytesServer, user: httpx.Client, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTACLIENT_HOME", str(home))
    with pytest.raises(LoginRequired):
        ctaclient.auth()
    with pytest.raises(LoginRequired):
        ctaclient.token()

    log_in(home, "here", door.url, "first")
    auth = ctaclient.auth()
    assert ctaclient.token().value == "first"
    log_in(home, "here", door.url, "good")
    assert ctaclient.token().value == "good"
    assert user.get(f"{door.url}/f", auth=auth).status_code == 200
    assert presented(door) == ["Bearer good"]


def test_a_login_that_has_ended_and_come_back(
    door: BytesServer, user: httpx.Client, home: Path, auth_for: Make
) -> None:
    auth = auth_for(door.url, "old")
    log_in(home, "here", door.url, "old", lives_s=-5)
    with pytest.raises(LoginRequired) as caught:
        user.get(f"{door.url}/f", auth=auth)
    assert caught.value.hint == "ctaclient start-agent --profile here"
    log_in(home, "here", door.url, "good")
    assert user.get(f"{door.url}/f", auth=auth).status_code == 200


def test_a_login_made_for_another_storage_meanwhile(
    serve: Serve, user: httpx.Client, home: Path, auth_for: Make
) -> None:
    door, other = serve(_answer), serve(_answer)
    auth = auth_for(door.url, "good")
    log_in(home, "here", other.url, "of-other")
    with pytest.raises(LoginRequired, match="was made for"):
        user.get(f"{door.url}/f", auth=auth)
    assert presented(door) == []


def test_client_and_auth_share_what_was_refused(serve: Serve, user: httpx.Client, home: Path, trust: Trust) -> None:
    door = serve(_answer)
    log_in(home, "here", door.url, "bad")
    environ = {"CTACLIENT_HOME": str(home), "CTACLIENT_CA_BUNDLE": str(trust.ca_file)}
    with Client(environ=environ) as client:
        auth = client.auth()
        with pytest.raises(TokenRejected):
            client.ls("/")
        with pytest.raises(TokenRejected):
            user.get(f"{door.url}/f", auth=auth)
    assert presented(door) == ["Bearer bad"]


def test_no_token_for_a_storage_without_tls(home: Path) -> None:
    with pytest.raises(ConfigError, match="is not https"):
        Client(storage_url="http://localhost:1", token="good", environ={"CTACLIENT_HOME": str(home)}).auth()


def test_the_token_shows_in_no_text_and_no_pickle(auth_for: Make) -> None:
    auth = auth_for("https://localhost:1", "good-and-secret")
    assert "good-and-secret" not in repr(auth)
    with pytest.raises(TypeError):
        pickle.dumps(auth)
