"""Whatever a file, a server or a user gives to the agent: it is understood, or refused in words that can be shown."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient.control.whereabouts import boot, sockets
from ctaclient.errors import ConfigError, CtaError, IssuerError, LoginRequired, ServerError, UsageError
from ctaclient_agent.issuer.answers import Failure, Tokens, read_tokens, retry_after_s
from ctaclient_agent.issuer.discovery import is_https, parse_metadata
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.device import Post, Prompt, Wait, device_flow
from ctaclient_agent.logins.credentials import login_of
from ctaclient_agent.logins.seal import Header, read_header, read_recipients, seal, unseal
from ctaclient_agent.machines.holder import is_dead, read_holder, this_process
from ctaclient_agent.machines.keypair import Protection, decode_key, encode_key, fingerprint_of, kind_of
from ctaclient_agent.machines.lease import Lease
from ctaclient_agent.machines.machine import Machine, host_of
from ctaclient_agent.machines.passphrase import passphrase_source
from ctaclient_agent.machines.place import is_shared
from ctaclient_agent.process.moments import local_time
from tests.support.clock import FakeClock
from tests.support.hostile import DEEP, JSON, NASTY, as_bytes, changed, check_words, is_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient_agent.login.device import Result

# One directory serves all examples of a test: each writes the file anew.
in_one_place = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

NOW = 1_700_000_000.0
ISSUER = "https://issuer.example"
KEY = X25519PrivateKey.from_private_bytes(b"k" * 32)
SEALED = json.loads(seal(Header("cta", ISSUER, 4), {"refresh_token": "secret-refresh"}, [KEY.public_key()]))
PLAIN_KEY = json.loads(encode_key(KEY, Protection()))
# Cheap to open, so that a test can; whoever makes a key takes 64 MiB.
LOCKED_KEY = {
    **{name: value for name, value in PLAIN_KEY.items() if name != "key"},
    "kind": "passphrase",
    "argon2id": {"memory_kib": 8, "iterations": 1, "lanes": 1},
    "salt": base64.b64encode(bytes(16)).decode(),
    "nonce": base64.b64encode(bytes(12)).decode(),
    "ciphertext": base64.b64encode(bytes(48)).decode(),
}
PUBLIC_KEY = {
    "version": 1,
    "host": "here",
    "public_key": base64.b64encode(KEY.public_key().public_bytes_raw()).decode(),
}
POST = {**this_process(NOW, socket_path="/run/agent.sock").to_dict(), "token": "abc", "generation": 1}
TOKENS = {"access_token": "secret-access", "token_type": "Bearer", "expires_in": 60, "refresh_token": "secret-refresh"}
DEVICE = {
    "device_code": "secret-device",
    "user_code": "ABCD-EFGH",
    "verification_uri": f"{ISSUER}/device",
    "verification_uri_complete": f"{ISSUER}/device?user_code=ABCD-EFGH",
    "expires_in": 600,
    "interval": 5,
}
DISCOVERY = {
    "issuer": ISSUER,
    "token_endpoint": f"{ISSUER}/token",
    "device_authorization_endpoint": f"{ISSUER}/device",
    "jwks_uri": f"{ISSUER}/jwks",
    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    "code_challenge_methods_supported": ["S256"],
}
SECRETS = ("secret-verifier", "secret-device", "secret-client")


def errors(*echoed: str) -> st.SearchStrategy[dict[str, Any]]:
    """OAuth errors, from a server that repeats what it was sent."""
    codes = ["authorization_pending", "slow_down", "expired_token", "invalid_grant", "invalid_token"]
    described = st.just(f"{' and '.join(echoed)} are wrong\x1b[2J") | JSON
    return st.fixed_dictionaries({"error": st.sampled_from(codes) | JSON, "error_description": described})


@given(as_bytes(changed(SEALED)))
def test_sealed_logins(data: bytes) -> None:
    for read in (read_header, read_recipients):
        with contextlib.suppress(LoginRequired):
            read(data, "file")
    try:
        login_of(*unseal(data, "cta", KEY, "file"))
    except LoginRequired as error:
        check_words(error, "secret-refresh")


@given(st.builds(Header, st.just("cta"), st.text(), st.integers()), changed({"refresh_token": "r", "client_id": "c"}))
def test_what_was_sealed(header: Header, payload: dict[str, Any]) -> None:
    login = login_of(header, payload)
    assert login is None or isinstance(login.refresh_token, str)


@settings(deadline=None)
@given(as_bytes(changed(PLAIN_KEY, NASTY) | changed(LOCKED_KEY, NASTY) | changed({**PLAIN_KEY, "kind": "keyring"})))
def test_keys(data: bytes) -> None:
    kind_of(data)
    try:
        key = decode_key(data, "file", Protection(lambda: b"secret words", None))
    except ConfigError as error:
        check_words(error, "secret words", str(PLAIN_KEY["key"]))
    else:
        assert key.private_bytes_raw() == KEY.private_bytes_raw()


@in_one_place
@given(as_bytes(changed(PUBLIC_KEY)))
def test_keys_of_other_machines(private: Path, data: bytes) -> None:
    """Nobody is locked out by somebody else's damaged file."""
    name = fingerprint_of(KEY.public_key())
    (private / "machines").mkdir(mode=0o700, exist_ok=True)
    file = private / "machines" / f"{name}.json"
    file.write_bytes(data)
    file.chmod(0o600)
    assert set(Machine(private / "machine", private).recipients()) <= {name}
    assert is_shown(host_of(private, name))


@in_one_place
@given(as_bytes(changed(POST)))
def test_posts(private: Path, data: bytes) -> None:
    """A post that cannot be read is somebody's, until its time is over."""
    directory = private / "lease"
    directory.mkdir(mode=0o700, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    (directory / "7").write_bytes(data)
    (directory / "7").chmod(0o600)
    lease = Lease(directory, this_process(NOW), FakeClock(), 90.0)
    held = lease.look()
    assert held is not None
    assert held.holder is None or is_shown(str(held.holder), held.holder.version)
    assert lease.take() == held.free
    assert isinstance(list(sockets(private / "agent.sock", private)), list)


@pytest.mark.parametrize("name", ["07", "٣", "²", "1e3", "-8", "+8", "8.", " 8", "8~", "x", ".8"])
def test_what_is_no_post(private: Path, name: str) -> None:
    """Only names that we give count; others are neither taken for a post nor waited for."""
    lease = Lease(private / "lease", this_process(NOW), FakeClock(), 90.0)
    assert lease.take()
    (private / "lease" / name).touch(mode=0o600)
    assert lease.renew()
    assert lease.take()
    assert (private / "lease" / "2").exists()
    assert list(sockets(private / "agent.sock", private)) == [private / "agent.sock"]


@pytest.mark.parametrize("path", ["\0", "/a\0b", "\ud800", "", 7, None, []])
def test_sockets_that_cannot_be(private: Path, path: object) -> None:
    (private / "lease").mkdir(mode=0o700)
    (private / "lease" / "1").write_text(json.dumps({**POST, "boot": boot(), "socket": path}))
    (private / "lease" / "1").chmod(0o600)
    for found in sockets(private / "agent.sock", private):
        assert b"\0" not in os.fsencode(found)


@given(changed(POST) | JSON)
def test_holders(body: Any) -> None:
    holder = read_holder(json.loads(json.dumps(body)))
    if holder is not None:
        assert is_shown(str(holder), holder.host, holder.version)
        assert isinstance(is_dead(holder, this_process(NOW)), bool)


@given(
    status=st.sampled_from([200, 400, 401, 503]),
    body=as_bytes(changed(TOKENS) | errors(*SECRETS)),
    wait=st.none() | st.text(max_size=40),
)
def test_token_answers(status: int, body: bytes, wait: str | None) -> None:
    headers = {} if wait is None else {"retry-after": wait, "date": wait}
    answer = read_tokens(Reply(status, headers, body), NOW, *SECRETS)
    if isinstance(answer, Failure):
        assert is_shown(answer.code, answer.text)
        assert not [secret for secret in SECRETS if secret in answer.text]
        return
    assert isinstance(answer, Tokens)
    assert answer.access_token.isascii()
    assert is_shown(answer.access_token)
    assert 0 < answer.life_s < 1e9
    assert local_time(NOW + answer.life_s)


@settings(deadline=None)
@given(
    begin=as_bytes(changed(DEVICE) | errors("secret-verifier", "secret-client")),
    polls=st.lists(as_bytes(changed(TOKENS) | errors(*SECRETS)), max_size=4),
    status=st.sampled_from([200, 400, 503]),
)
def test_device_answers(begin: bytes, polls: list[bytes], status: int) -> None:
    clock = FakeClock()
    flow = device_flow("openid", clock, pkce=("secret-verifier", "challenge"), client_secret="secret-client")
    left, known = list(polls), {"secret-verifier", "secret-client"}
    try:
        step = next(flow)
        while True:
            result: Result = None
            if isinstance(step, Post):
                known |= set(SECRETS) & set(step.form.values())
                if step.endpoint == "device":
                    result = Reply(200, {}, begin)
                else:
                    result = Reply(status, {}, left.pop(0)) if left else Reply(400, {}, b'{"error": "expired_token"}')
            elif isinstance(step, Wait):
                assert step.seconds > 0
                clock.sleep(step.seconds)
            else:
                assert isinstance(step, Prompt)
                assert is_shown(step.user_code, step.verification_uri, step.complete_uri)
                assert is_https(step.verification_uri)
            step = flow.send(result)
    except StopIteration:
        return
    except CtaError as error:
        check_words(error, *known)


@given(status=st.sampled_from([200, 404, 503]), body=as_bytes(changed(DISCOVERY)))
def test_discovery_documents(status: int, body: bytes) -> None:
    try:
        metadata = parse_metadata(Reply(status, {}, body), ISSUER)
    except (IssuerError, ServerError) as error:
        check_words(error)
        return
    assert is_https(metadata.token_endpoint)
    for url in (metadata.device_authorization_endpoint, metadata.jwks_uri):
        assert url is None or is_https(url)


DATES = st.text(st.sampled_from("0123456789 ,:+-GMTUonJav\t\0é"), max_size=40)


@given(st.text() | DATES | st.integers().map(str) | st.floats().map(str))
def test_retry_after(value: str) -> None:
    seconds = retry_after_s(value, NOW)
    assert seconds is None or 0 <= seconds <= 3600


FIELDS = st.text(st.sampled_from("0123456789:/-\\ abnf4\t\u0660\ud800"), max_size=12)


@given(
    st.text()
    | st.lists(FIELDS, max_size=12).map(" ".join)
    | st.builds("30 21 0:26 / {} rw - {} x rw".format, st.text() | st.just("/\\057\\777\\400"), st.text())
)
def test_mount_tables(text: str) -> None:
    assert isinstance(is_shared(Path("/home/me"), text), bool)


@given(st.binary(max_size=200) | st.just(b"secret" * 1000))
def test_passphrases_from_a_descriptor(data: bytes) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(data)
    try:
        _check_passphrase(passphrase_source(reading, None), data)
    finally:
        os.close(reading)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200) | st.just(b"secret" * 1000))
def test_passphrases_from_a_command(private: Path, data: bytes) -> None:
    file = private / "words"
    file.write_bytes(data)
    _check_passphrase(passphrase_source(None, f"cat {shlex.quote(str(file))}"), data)


@settings(max_examples=50, deadline=None)
@given(st.text() | st.sampled_from(["", "'", "\\", "\0", '"" x']))
def test_commands_that_are_none(text: str) -> None:
    source = passphrase_source(None, f"/nonexistent/{text}" if text.strip() else text)
    assert source is not None
    with pytest.raises(ConfigError) as caught:
        source()
    assert is_shown(caught.value.message, caught.value.hint)


@pytest.mark.parametrize("fd", [-1, 2**31, 10**20, 12345])
def test_descriptors_that_are_none(fd: int) -> None:
    source = passphrase_source(fd, None)
    assert source is not None
    with pytest.raises(UsageError):
        source()


def _check_passphrase(source: Callable[[], bytes] | None, data: bytes) -> None:
    assert source is not None
    try:
        passphrase = source()
    except (ConfigError, UsageError) as error:
        check_words(error, "secret")
        return
    assert passphrase
    assert data.startswith(passphrase)
    assert b"\n" not in passphrase


@pytest.mark.parametrize("data", DEEP, ids=["lists", "objects", "digits"])
def test_what_is_too_deep(private: Path, data: bytes) -> None:
    """Deeper than the interpreter goes: not the end of an agent."""
    assert isinstance(read_tokens(Reply(200, {}, (data * 100)[: 1024 * 1024]), NOW), Failure)
    with pytest.raises(ServerError):
        parse_metadata(Reply(200, {}, data), ISSUER)
    with pytest.raises(LoginRequired):
        read_header(data, "file")
    with pytest.raises(ConfigError):
        decode_key(data, "file", Protection())
    (private / "lease").mkdir(mode=0o700)
    (private / "machines").mkdir(mode=0o700)
    for file in (private / "lease" / "1", private / "machines" / f"{fingerprint_of(KEY.public_key())}.json"):
        file.write_bytes(data)
        file.chmod(0o600)
    assert Machine(private / "machine", private).recipients() == {}
    assert not Lease(private / "lease", this_process(NOW), FakeClock(), 90.0).take()
    assert list(sockets(private / "agent.sock", private)) == [private / "agent.sock"]
