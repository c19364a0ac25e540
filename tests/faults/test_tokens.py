"""No token, a bad one, and tokens that must not go where somebody points."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from ctaclient import Client
from ctaclient._util.redact import fingerprint
from ctaclient.config.file import save_profile
from ctaclient.config.paths import Paths
from ctaclient.config.profiles import Profile
from ctaclient.errors import AuthError, LoginRequired
from ctaclient.tokens.record import Record as TokenRecord
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken
from tests.conftest import eventually
from tests.faults.conftest import unchanged
from tests.faults.small_dav import SmallDav

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.bytes_server import Head, Serve, Talk
    from tests.faults.conftest import Spot, Trust
    from tests.faults.program import Program


def log_in(home: Path, profile: str, storage_url: str, token: str, *, lives_s: float = 600) -> TokenStore:
    """A profile with a login, as the agent leaves it."""
    paths = Paths.of({"CTACLIENT_HOME": str(home)})
    save_profile(
        paths.config_file,
        Profile(profile, storage_url=storage_url, issuer="https://issuer.invalid", client_id="id"),
        make_default=True,
    )
    store = TokenStore(paths.store)
    now = time.time()
    record = TokenRecord(
        profile=profile,
        issuer="https://issuer.invalid",
        client_id="id",
        storage_url=storage_url,
        scope="openid",
        state="fresh",
        token=fingerprint(token),
        issued_at=now,
        expires_at=now + lives_s,
        generation=1,
    )
    store.publish(record, AccessToken(token, now + lives_s))
    return store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The CTACLIENT_HOME of `program`."""
    return tmp_path / "ctaclient-home"


@pytest.fixture
def strangers() -> Iterator[Strangers]:
    """A port where nobody may come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Strangers(listener)


class Strangers:
    """Counts who comes to `url`."""

    def __init__(self, listener: socket.socket) -> None:
        listener.settimeout(0)
        self._listener = listener
        self.url = f"https://localhost:{listener.getsockname()[1]}"

    def __call__(self) -> int:
        """How many have connected."""
        count = 0
        try:
            while True:
                self._listener.accept()[0].close()
                count += 1
        except BlockingIOError:
            return count


COMMANDS = pytest.mark.parametrize(
    "command",
    [("ls", "/"), ("stat", "/f"), ("get", "/f", "HERE"), ("put", "FILE", "/g"), ("rm", "/f"), ("mkdir", "/d")],
)


class TestNoUsableToken:
    """Exit code 4, told without asking the storage."""

    @pytest.fixture
    def run(self, program: Program, spot: Spot, here: Path, tmp_path: Path) -> Callable[..., str]:
        """Runs a command, which fails with 4, harms nothing, and sends nothing; gives what it said."""
        (spot.directory / "f").write_bytes(b"old")
        (tmp_path / "local").write_bytes(b"new")

        def run(command: tuple[str, ...], said: str) -> str:
            words = {"HERE": str(here), "FILE": str(tmp_path / "local")}
            with unchanged(spot.directory, here):
                outcome = program(*(words.get(word, word) for word in command))
            outcome.check_failed(4)
            assert said in outcome.err
            assert spot.records("door") == []
            return outcome.err

        return run

    @COMMANDS
    def test_none_at_all(
        self, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
    ) -> None:
        monkeypatch.delenv("BEARER_TOKEN")
        run(command, "stored tokens do not go there")

    @COMMANDS
    def test_expired(
        self, run: Callable[..., str], spot: Spot, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
    ) -> None:
        monkeypatch.setenv("BEARER_TOKEN", spot.sandbox.mint(lifetime_s=-5, issued_at=time.time() - 100))
        run(command, "the token from BEARER_TOKEN has expired")

    @pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut", "a,b", "\x7f"])
    def test_malformed(self, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, token: str) -> None:
        monkeypatch.setenv("BEARER_TOKEN", token)
        assert token not in run(("ls", "/"), "BEARER_TOKEN does not hold a")

    def test_the_message_says_what_it_means(self, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Redaction is for secrets, not for our own words."""
        monkeypatch.setenv("BEARER_TOKEN", "a,b")
        assert "[hidden]" not in run(("ls", "/"), "BEARER_TOKEN does not hold")

    def test_a_token_file_that_is_not_there(
        self, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("BEARER_TOKEN")
        monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "nothing"))
        run(("ls", "/"), "cannot be read")

    def test_not_logged_in(
        self, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, home: Path, spot: Spot
    ) -> None:
        paths = Paths.of({"CTACLIENT_HOME": str(home)})
        save_profile(paths.config_file, Profile("here", storage_url=spot.url), make_default=True)
        for name in ("BEARER_TOKEN", "CTACLIENT_STORAGE_URL"):
            monkeypatch.delenv(name)
        run(("ls", "/"), "ctaclient start-agent --profile here")

    def test_expired_and_no_agent_runs(
        self, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, home: Path, spot: Spot
    ) -> None:
        log_in(home, "here", spot.url, spot.sandbox.mint(), lives_s=-10)
        for name in ("BEARER_TOKEN", "CTACLIENT_STORAGE_URL"):
            monkeypatch.delenv(name)
        run(("ls", "/"), "ctaclient start-agent --profile here")


class TestRefusedToken:
    """The storage says 401: the error says why, as far as the token tells, and never the token itself."""

    @pytest.mark.parametrize(
        ("claims", "why"),
        [({"not_before": time.time() + 7200}, "valid only in 2 h"), ({"audience": "elsewhere"}, "audience elsewhere")],
    )
    def test_the_token_itself_explains_it(
        self, serve: Serve, client_at: Callable[..., Client], spot: Spot, claims: dict[str, object], why: str
    ) -> None:
        server = serve(_refuse)
        token = spot.sandbox.mint(**claims)  # type: ignore[arg-type]
        with pytest.raises(AuthError, match=why) as caught:
            client_at(server.url, token=token).ls("/")
        assert token not in f"{caught.value!r} {caught.value} {caught.value.hint}"
        assert server.methods() == ["PROPFIND"]

    def test_through_the_program(self, program: Program, spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BEARER_TOKEN", "not-of-this-issuer")
        outcome = program("ls", "/")
        outcome.check_failed(4)
        assert "refused the token from BEARER_TOKEN" in outcome.err
        assert "not-of-this-issuer" not in outcome.err
        eventually(lambda: bool(spot.records("door")))  # it is written when the client has gone already
        assert [record.status for record in spot.records("door")] == [401]


def _refuse(talk: Talk) -> None:
    while head := talk.hear():
        talk.body(head)
        talk.answer(401)


class TestStoredTokensStayHome:
    """A stored token goes to its own profile's storage, and nowhere else."""

    @pytest.mark.parametrize("variable", [True, False])
    def test_the_storage_url_is_overridden(
        self,
        program: Program,
        strangers: Strangers,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        here: Path,
        variable: bool,
    ) -> None:
        log_in(home, "mine", "https://localhost:1", "stored-token")
        monkeypatch.delenv("BEARER_TOKEN")
        monkeypatch.delenv("CTACLIENT_STORAGE_URL")
        arguments = ["--profile", "mine"]
        if variable:
            monkeypatch.setenv("CTACLIENT_STORAGE_URL", strangers.url)
        else:
            arguments += ["--storage-url", strangers.url]
        (here / "f").write_bytes(b"x")
        for command in (("ls", "/"), ("get", "/f", here), ("put", here / "f", "/f"), ("rm", "-r", "--yes", "/d")):
            for more in ([], arguments) if variable else (arguments,):
                outcome = program(*command, *more)
                outcome.check_failed(4)
        assert strangers() == 0

    def test_a_login_for_another_storage(
        self, program: Program, strangers: Strangers, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_in(home, "mine", "https://localhost:1", "stored-token")
        paths = Paths.of({"CTACLIENT_HOME": str(home)})
        save_profile(paths.config_file, Profile("mine", storage_url=strangers.url), make_default=True)
        monkeypatch.delenv("BEARER_TOKEN")
        monkeypatch.delenv("CTACLIENT_STORAGE_URL")
        outcome = program("ls", "/")
        outcome.check_failed(4)
        assert "was made for https://localhost:1" in outcome.err
        assert strangers() == 0

    def test_a_url_of_nobodys_storage_gets_no_token(
        self, serve: Serve, client_at: Callable[..., Client], here: Path, strangers: Strangers
    ) -> None:
        server = serve(_refuse)
        with pytest.raises(LoginRequired):
            client_at(strangers.url).get(f"{server.url}/f", here)
        assert {head.headers.get("authorization") for head in server.heads} == {None}
        assert strangers() == 0

    def test_a_redirect_to_another_profiles_storage(self, serve: Serve, trust: Trust, home: Path, here: Path) -> None:
        """Not with this profile's token, and not with that profile's either."""

        stores = SmallDav(), SmallDav(lambda talk, head: redirect(talk, head))
        for store in stores:
            store.files["/f"] = b"data"
        other, mine = (serve(store) for store in stores)

        def redirect(talk: Talk, head: Head) -> bool:
            if head.method == "GET":
                talk.answer(302, {"Location": f"{other.url}{head.target}"})
            return head.method == "GET"

        log_in(home, "other", other.url, "token-of-other")
        log_in(home, "mine", mine.url, "token-of-mine")
        environ = {"CTACLIENT_HOME": str(home), "CTACLIENT_CA_BUNDLE": str(trust.ca_file)}
        with Client(environ=environ) as client:
            client.get("/f", here)
            assert (here / "f").read_bytes() == b"data"
            client.get("cta://other/f", here / "g")
        assert {head.headers.get("authorization") for head in mine.heads} == {"Bearer token-of-mine"}
        got = [head.headers.get("authorization") for head in other.heads if head.method == "GET"]
        assert got == [None, "Bearer token-of-other"]
