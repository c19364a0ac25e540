"""One refresh: what is asked, what is stored, and in which order."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ctaclient._util.redact import fingerprint
from ctaclient.errors import ConnectError, Timeout, TlsError, UnsafePath
from ctaclient_agent.issuer.answers import Tokens
from ctaclient_agent.issuer.discovery import Discovery, well_known_urls
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.issuer.send_limit import SendLimit
from ctaclient_agent.logins.credentials import Login
from ctaclient_agent.logins.spending import spending_of
from ctaclient_agent.logins.vault import Vault
from ctaclient_agent.machines.holder import this_process
from ctaclient_agent.machines.lease import Lease
from ctaclient_agent.machines.machine import Machine
from ctaclient_agent.refreshing.refresh import Outcome, Passing, Refresher, Refused, Renewed
from tests.agent.conftest import FakeHttp, vault_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.clock import FakeClock

ISSUER = "https://issuer.example"
LOGIN = Login(
    profile="cta",
    issuer=ISSUER,
    generation=0,
    client_id="client",
    storage_url="https://storage.example",
    scope_asked="openid",
    scope="openid",
    subject="me",
    ca_bundle=None,
    refresh_token="refresh-1",
    client_secret="client-secret",
)


DOCUMENTS = {
    well_known_urls(ISSUER)[0]: Reply(
        200, {}, json.dumps({"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}).encode()
    )
}


def ok(**change: Any) -> Reply:
    body = {
        "access_token": "access-2",
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": "refresh-2",
        **change,
    }
    return Reply(200, {}, json.dumps(body).encode())


def error(status: int, code: str, text: str = "") -> Reply:
    return Reply(status, {}, json.dumps({"error": code, "error_description": text}).encode())


@pytest.fixture
def vault(private: Path) -> Vault:
    """A vault with one login of generation 1."""
    vault = vault_in(private)
    with vault.lock("cta"):
        vault.save(LOGIN, Tokens("access-1", 300.0), 1_700_000_000.0)
    return vault


@pytest.fixture
def refresher(
    vault: Vault, clock: FakeClock, fake_http: Callable[..., FakeHttp]
) -> Callable[..., tuple[Refresher, FakeHttp]]:
    def make(*answers: Any) -> tuple[Refresher, FakeHttp]:
        http = fake_http(*answers)
        http.documents = DOCUMENTS
        return Refresher(vault, Discovery(), lambda _: http, spending_of(vault, clock), clock), http

    return make


def stored(vault: Vault) -> tuple[str, str | None, int, str]:
    """Refresh token, access token, generation, state."""
    login, found = vault.load("cta"), vault.store.read("cta")
    assert login is not None
    assert found is not None
    record, token = found
    return login.refresh_token, token.value if token else None, record.generation, record.state


def test_a_rotated_token_is_stored(vault: Vault, refresher: Callable[..., Any], clock: FakeClock) -> None:
    refresh, http = refresher(ok(scope="openid x"))
    outcome = refresh.refresh("cta", known=fingerprint("access-1"))
    assert isinstance(outcome, Renewed)
    assert stored(vault) == ("refresh-2", "access-2", 2, "fresh")
    assert outcome.record.expires_at == clock.now() + 600
    assert outcome.record.scope == "openid x"
    url, form, headers = http.asked[0]
    assert url == f"{ISSUER}/token"
    assert form == {"client_id": "client", "grant_type": "refresh_token", "refresh_token": "refresh-1"}
    assert headers["Authorization"].startswith("Basic ")


def test_without_a_new_refresh_token_the_old_one_stays(vault: Vault, refresher: Callable[..., Any]) -> None:
    refresher(ok(refresh_token=None))[0].refresh("cta")
    assert stored(vault) == ("refresh-1", "access-2", 2, "fresh")


@pytest.mark.parametrize(
    "answer",
    [
        Timeout("t"),
        ConnectError("c"),
        TlsError("expired"),
        Reply(503, {"retry-after": "9"}, b""),
        Reply(429, {}, b"{}"),
        Reply(200, {}, b"<html>"),
        Reply(200, {}, b'{"access_token": "x'),
        Reply(302, {"location": "https://evil.example"}, b""),
        error(400, "temporarily_unavailable"),
        error(500, "invalid_grant"),
    ],
)
def test_passing_trouble_keeps_everything_and_asks_again_with_the_same_token(
    vault: Vault, refresher: Callable[..., Any], answer: Any
) -> None:
    refresh, http = refresher(answer, ok())
    before = stored(vault)
    assert isinstance(refresh.refresh("cta", known=fingerprint("access-1")), Passing)
    assert stored(vault) == before
    assert isinstance(refresh.refresh("cta", known=fingerprint("access-1")), Renewed)
    assert [form["refresh_token"] for _, form, _ in http.asked] == ["refresh-1", "refresh-1"]


def test_retry_after_comes_through(refresher: Callable[..., Any]) -> None:
    outcome = refresher(Reply(503, {"retry-after": "9"}, b""))[0].refresh("cta")
    assert isinstance(outcome, Passing)
    assert outcome.retry_after_s == 9


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid_grant"), (401, "invalid_token"), (401, "invalid_client"), (400, "unauthorized_client")],
)
def test_a_refusal_ends_the_login_and_leaves_the_token(
    vault: Vault, refresher: Callable[..., Any], status: int, code: str
) -> None:
    outcome = refresher(error(status, code, "no refresh-1 with client-secret"))[0].refresh("cta")
    assert isinstance(outcome, Refused)
    assert stored(vault) == ("refresh-1", "access-1", 1, "login_required")
    record = vault.store.record("cta")
    assert record is not None
    assert code in (record.reason or "")
    assert "refresh-1" not in (record.reason or "")
    assert "client-secret" not in (record.reason or "")


def test_who_comes_second_adopts_the_winners_token(vault: Vault, refresher: Callable[..., Any]) -> None:
    refresh, http = refresher(ok())
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: refresh.refresh("cta", known=fingerprint("access-1")), range(8)))
    assert all(isinstance(outcome, Renewed) for outcome in outcomes)
    assert len(http.asked) == 1
    assert stored(vault)[2] == 2


def test_an_answer_that_could_not_be_stored_is_not_lost(vault: Vault, refresher: Callable[..., Any]) -> None:
    token = vault.store.token_file("cta")
    token.unlink()
    token.mkdir()  # the sealed login can be written, the token cannot
    refresh, http = refresher(ok(), error(400, "invalid_grant"))
    assert isinstance(refresh.refresh("cta", known=fingerprint("access-1")), Passing)
    login = vault.load("cta")
    assert login is not None
    assert login.refresh_token == "refresh-2"  # durable first
    token.rmdir()
    assert isinstance(refresh.refresh("cta", known=fingerprint("access-1")), Renewed)
    assert len(http.asked) == 1
    assert stored(vault)[:2] == ("refresh-2", "access-2")


def test_while_an_answer_waits_to_be_stored_no_other_machine_spends(
    vault: Vault, refresher: Callable[..., Any], clock: FakeClock
) -> None:
    token = vault.store.token_file("cta")
    token.unlink()
    token.mkdir()
    refresh, _ = refresher(ok())
    assert isinstance(refresh.refresh("cta"), Passing)
    far = Lease(vault.spending_dir("cta"), replace(this_process(1.0), boot="far", host="far"), clock, 180)
    for _ in range(5):
        for path in vault.spending_dir("cta").iterdir():
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 100))
        assert not far.take()
        refresh.keep()
    token.rmdir()
    assert isinstance(refresh.refresh("cta"), Renewed)
    assert far.take()


def test_a_login_in_between_replaces_an_answer_that_could_not_be_stored(
    vault: Vault, refresher: Callable[..., Any], clock: FakeClock
) -> None:
    token = vault.store.token_file("cta")
    token.unlink()
    token.mkdir()
    refresh, http = refresher(ok(), ok(access_token="access-9", refresh_token="refresh-9"))
    assert isinstance(refresh.refresh("cta"), Passing)
    token.rmdir()
    with vault.lock("cta"):
        vault.save(replace(LOGIN, refresh_token="refresh-8"), Tokens("access-8", 300.0), clock.now())
    assert isinstance(refresh.refresh("cta"), Passing)  # seen, and looked at anew
    assert isinstance(refresh.refresh("cta"), Renewed)
    assert http.asked[-1][1]["refresh_token"] == "refresh-8"
    assert stored(vault)[:2] == ("refresh-9", "access-9")


def test_generations_only_grow(vault: Vault, clock: FakeClock) -> None:
    for _ in range(3):
        with vault.lock("cta"):
            vault.save(LOGIN, Tokens("access", 300.0), clock.now())  # a login anew begins at 0
    assert stored(vault)[2] == 4
    vault.sealed_file("cta").write_bytes(b"damaged")
    with vault.lock("cta"):
        assert vault.save(LOGIN, Tokens("access", 300.0), clock.now()).generation == 5


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 100, b'{"version": 2}'])
def test_a_damaged_login_is_a_login_needed(vault: Vault, refresher: Callable[..., Any], damage: bytes) -> None:
    vault.sealed_file("cta").write_bytes(damage)
    refresh, http = refresher(ok())
    outcome = refresh.refresh("cta")
    assert isinstance(outcome, Refused)
    assert not http.asked
    assert vault.sealed_file("cta").read_bytes() == damage
    record = vault.store.record("cta")
    assert record is not None
    assert record.state == "login_required"


def test_a_key_that_is_lost_or_damaged_does_not_end_the_login(
    vault: Vault, private: Path, clock: FakeClock, fake_http: Callable[..., FakeHttp]
) -> None:
    def refreshed() -> Outcome:
        """What an agent that starts now gets."""
        http = fake_http(ok())
        http.documents = DOCUMENTS
        started = vault_in(private)
        return Refresher(started, Discovery(), lambda _: http, spending_of(started, clock), clock).refresh("cta")

    key = private / "machine" / "machine.key"
    good = key.read_bytes()
    key.write_bytes(b"damaged")
    assert isinstance(refreshed(), Passing)
    key.unlink()
    lost = refreshed()
    assert isinstance(lost, Passing)
    assert "no key" in lost.reason
    assert stored(vault)[3] == "fresh"  # another machine may have one
    key.write_bytes(good)
    key.chmod(0o600)
    assert isinstance(refreshed(), Renewed)


def test_a_machine_that_has_no_key_to_a_login_does_not_end_it(
    vault: Vault, private: Path, clock: FakeClock, fake_http: Callable[..., FakeHttp]
) -> None:
    other = Vault(private / "store", Machine(private / "other", private / "store"))
    other.prepare()
    http = fake_http(ok())
    http.documents = DOCUMENTS
    refresher = Refresher(other, Discovery(), lambda _: http, spending_of(other, clock), clock)
    assert not other.can_open("cta")
    outcome = refresher.refresh("cta")
    assert isinstance(outcome, Passing)
    assert "not made for this machine" in outcome.reason
    assert not http.asked
    record = vault.store.record("cta")
    assert record is not None
    assert record.state == "fresh"
    assert vault.newcomers("cta")
    with vault.lock("cta"):
        assert vault.seal_again("cta", SendLimit(30, clock))
    assert not vault.newcomers("cta")
    assert isinstance(refresher.refresh("cta"), Renewed)


def test_another_machine_that_is_at_it_is_left_alone(
    vault: Vault, refresher: Callable[..., Any], clock: FakeClock
) -> None:
    far = Lease(vault.spending_dir("cta"), replace(this_process(1.0), boot="far", host="far"), clock, 180)
    assert far.take()
    refresh, http = refresher(ok())
    outcome = refresh.refresh("cta")
    assert isinstance(outcome, Passing)
    assert "on far refreshes this login" in outcome.reason
    assert not http.asked
    far.release()
    assert isinstance(refresh.refresh("cta"), Renewed)


def test_what_another_stored_meanwhile_is_not_spent_again(vault: Vault, clock: FakeClock) -> None:
    """Stopped after reading the login, and gone on when another machine has renewed it."""

    class Overtaken(Lease):
        def take(self, note: dict[str, Any] | None = None) -> bool:
            vault.save(replace(LOGIN, refresh_token="refresh-9"), Tokens("access-9", 300.0), clock.now())
            return super().take(note)

    http = FakeHttp([ok()], documents=DOCUMENTS)
    me = this_process(1.0)
    refresher = Refresher(
        vault, Discovery(), lambda _: http, lambda name: Overtaken(vault.spending_dir(name), me, clock, 180), clock
    )
    assert isinstance(refresher.refresh("cta"), Passing)
    assert not http.asked
    assert stored(vault)[:2] == ("refresh-9", "access-9")


def test_an_answer_that_comes_after_another_has_gone_on_is_not_stored(vault: Vault, clock: FakeClock) -> None:
    """Stopped after sending, and gone on when another machine had followed and renewed the login."""
    far = Lease(vault.spending_dir("cta"), replace(this_process(1.0), boot="far", host="far"), clock, 180)

    class Slow(FakeHttp):
        def post(self, *arguments: Any, **limits: Any) -> Reply:
            for path in vault.spending_dir("cta").iterdir():
                os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 181))
            assert far.take()
            vault.save(replace(LOGIN, refresh_token="refresh-9"), Tokens("access-9", 300.0), clock.now())
            return super().post(*arguments, **limits)

    http = Slow([ok()], documents=DOCUMENTS)
    refresher = Refresher(vault, Discovery(), lambda _: http, spending_of(vault, clock), clock)
    outcome = refresher.refresh("cta")
    assert isinstance(outcome, Passing)
    assert "by another agent" in outcome.reason
    assert stored(vault)[:2] == ("refresh-9", "access-9")
    assert far.renew()  # the other's note stands


def test_an_answer_that_waits_is_not_stored_over_another_persons_login(
    vault: Vault, refresher: Callable[..., Any], clock: FakeClock
) -> None:
    """Generations begin anew after a logout."""
    token = vault.store.token_file("cta")
    token.unlink()
    token.mkdir()
    refresh, http = refresher(ok(), ok(access_token="access-9", refresh_token="refresh-9"))
    assert isinstance(refresh.refresh("cta"), Passing)
    token.rmdir()
    vault.wipe("cta")
    assert isinstance(refresh.refresh("cta"), Refused)
    assert refresh.store_unsaved() == []
    vault.save(replace(LOGIN, subject="somebody else", refresh_token="refresh-8"), Tokens("a", 300.0), clock.now())
    assert isinstance(refresh.refresh("cta"), Renewed)
    assert http.asked[-1][1]["refresh_token"] == "refresh-8"
    login = vault.load("cta")
    assert login is not None
    assert login.subject == "somebody else"


def test_a_logout_while_an_answer_is_awaited_stands(vault: Vault, clock: FakeClock) -> None:
    class Slow(FakeHttp):
        def post(self, *arguments: Any, **limits: Any) -> Reply:
            vault.wipe("cta")
            return super().post(*arguments, **limits)

    http = Slow([ok()], documents=DOCUMENTS)
    refresher = Refresher(vault, Discovery(), lambda _: http, spending_of(vault, clock), clock)
    assert isinstance(refresher.refresh("cta"), Passing)
    assert vault.load("cta") is None
    assert vault.store.read("cta") is None


def test_a_store_that_cannot_be_read_for_a_moment_costs_nothing(
    vault: Vault, refresher: Callable[..., Any], private: Path
) -> None:
    token, sealed = vault.store.token_file("cta"), vault.sealed_file("cta")
    token.unlink()
    token.mkdir()
    refresh, http = refresher(ok())
    assert isinstance(refresh.refresh("cta"), Passing)
    token.rmdir()
    sealed.chmod(0o640)
    assert refresh.store_unsaved() == ["cta"]
    sealed.chmod(0o600)
    assert refresh.store_unsaved() == []
    assert stored(vault)[:2] == ("refresh-2", "access-2")
    assert len(http.asked) == 1


def test_a_mode_put_right_brings_the_login_back(vault: Vault, refresher: Callable[..., Any]) -> None:
    refresh, _ = refresher(ok())
    vault.sealed_file("cta").chmod(0o640)
    outcome = refresh.refresh("cta")
    assert isinstance(outcome, Passing)
    assert outcome.error is not None
    assert "chmod 600" in (outcome.error.hint or "")
    vault.sealed_file("cta").chmod(0o600)
    assert isinstance(refresh.refresh("cta"), Renewed)


@pytest.mark.parametrize("content", [b"damaged", b'{"version": 99}'])
def test_a_damaged_record_is_written_anew(vault: Vault, refresher: Callable[..., Any], content: bytes) -> None:
    vault.store.record_file("cta").write_bytes(content)
    assert isinstance(refresher(ok())[0].refresh("cta", known="x"), Renewed)
    assert stored(vault)[3] == "fresh"


def test_a_refusal_says_nothing_of_a_login_that_came_since(vault: Vault, clock: FakeClock) -> None:
    vault.save(replace(LOGIN, refresh_token="refresh-8"), Tokens("access-8", 300.0), clock.now())
    vault.require_login("cta", 1, "ended")
    assert stored(vault)[3] == "fresh"
    vault.require_login("cta", 2, "ended")
    assert stored(vault)[3] == "login_required"


def test_sealing_too_late_writes_nothing(vault: Vault, clock: FakeClock) -> None:
    limit = SendLimit(30, clock)
    clock.sleep(31)
    before = vault.sealed_file("cta").read_bytes()
    with pytest.raises(TimeoutError):
        vault.seal_again("cta", limit)
    assert vault.sealed_file("cta").read_bytes() == before
    assert vault.seal_again("cta", SendLimit(30, clock), ca_bundle="/other.pem")
    login = vault.load("cta")
    assert login is not None
    assert (login.ca_bundle, login.generation) == ("/other.pem", 1)


def test_a_refusal_after_a_lost_answer_says_so(vault: Vault, refresher: Callable[..., Any]) -> None:
    refresh, http = refresher(Timeout("t"), error(400, "invalid_grant"))
    assert isinstance(refresh.refresh("cta"), Passing)
    outcome = refresh.refresh("cta")
    assert isinstance(outcome, Refused)
    assert "lost" in outcome.reason
    assert [form["refresh_token"] for _, form, _ in http.asked] == ["refresh-1", "refresh-1"]


def test_a_refusal_after_a_crash_says_so(vault: Vault, refresher: Callable[..., Any], clock: FakeClock) -> None:
    dead = replace(this_process(1.0), ticks=1)
    note = {"token": fingerprint("refresh-1"), "generation": 1}
    assert Lease(vault.spending_dir("cta"), dead, clock, 180).take(note)
    outcome = refresher(error(400, "invalid_grant"))[0].refresh("cta")
    assert isinstance(outcome, Refused)
    assert "lost" in outcome.reason


@pytest.mark.parametrize("restarted", [False, True])
def test_a_refusal_after_a_crash_says_so_although_the_network_was_away(
    vault: Vault, refresher: Callable[..., Any], clock: FakeClock, restarted: bool
) -> None:
    note = {"token": fingerprint("refresh-1"), "generation": 1}
    assert Lease(vault.spending_dir("cta"), replace(this_process(1.0), ticks=1), clock, 180).take(note)
    refresh = refresher(ConnectError("away"), error(400, "invalid_grant"))[0]
    assert isinstance(refresh.refresh("cta"), Passing)
    if restarted:
        refresh = refresher(error(400, "invalid_grant"))[0]
    outcome = refresh.refresh("cta")
    assert isinstance(outcome, Refused)
    assert "lost" in outcome.reason


def test_a_refusal_after_nothing_but_an_absent_network_does_not_speak_of_a_loss(
    vault: Vault, refresher: Callable[..., Any]
) -> None:
    refresh = refresher(ConnectError("away"), error(400, "invalid_grant"))[0]
    assert isinstance(refresh.refresh("cta"), Passing)
    outcome = refresh.refresh("cta")
    assert isinstance(outcome, Refused)
    assert "lost" not in outcome.reason


def test_a_process_without_the_stores_lease_asks_nothing(
    vault: Vault, clock: FakeClock, fake_http: Callable[..., FakeHttp]
) -> None:
    http = fake_http(ok())
    http.documents = DOCUMENTS
    refresher = Refresher(
        vault, Discovery(), lambda _: http, spending_of(vault, clock), clock, may_refresh=lambda: False
    )
    assert isinstance(refresher.refresh("cta"), Passing)
    assert not http.asked


def test_files_that_others_could_touch_are_refused(vault: Vault, private: Path) -> None:
    sealed = vault.sealed_file("cta")
    sealed.chmod(0o640)
    with pytest.raises(UnsafePath, match="0640"):
        vault.load("cta")
    sealed.chmod(0o600)
    sealed.rename(private / "elsewhere")
    sealed.symlink_to(private / "elsewhere")
    with pytest.raises(UnsafePath, match="symbolic"):
        vault.load("cta")
    sealed.unlink()
    sealed.parent.chmod(0o770)
    with pytest.raises(UnsafePath, match="0770"):
        vault.lock("cta")
    sealed.parent.chmod(0o700)
    private.chmod(0o777)
    with pytest.raises(UnsafePath, match="could replace"):
        vault.lock("cta")


def test_checking_makes_nothing(private: Path) -> None:
    vault_in(private).check("cta")
    assert not list(private.iterdir())


def test_reprs_and_files_show_no_secrets(vault: Vault) -> None:
    assert "refresh-1" not in repr(LOGIN)
    assert "client-secret" not in repr(LOGIN)
    assert b"refresh-1" not in vault.sealed_file("cta").read_bytes()
    assert b"client-secret" not in vault.sealed_file("cta").read_bytes()
    modes = {path.name: path.stat().st_mode & 0o777 for path in vault.sealed_file("cta").parent.iterdir()}
    assert modes == {"login.sealed": 0o600, "token": 0o600, "record.json": 0o600}
