"""The store: token and record belong together, whatever a reader meets."""

from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctaclient._util.private import write_private
from ctaclient._util.redact import fingerprint
from ctaclient.errors import ConfigError, LoginRequired, UnsafePath
from ctaclient.tokens.token import AccessToken
from tests.support.hostile import check_words
from tests.unit.conftest import NOW, jwt
from tests.unit.tokens.conftest import a_record

if TYPE_CHECKING:
    from ctaclient.tokens.store import TokenStore


def test_an_empty_store(store: TokenStore) -> None:
    assert store.profiles() == []
    assert store.record("site") is None
    assert store.read("site") is None


def test_what_is_published_is_read(store: TokenStore) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    assert store.read("site") == (a_record(), AccessToken("token-1", NOW + 600))
    assert store.record("site") == a_record()
    assert store.profiles() == ["site"]
    assert store.read("other") is None


def test_other_programs_find_one_plain_private_line(store: TokenStore) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    assert store.token_file("site").read_bytes() == b"token-1"
    assert stat.S_IMODE(store.token_file("site").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.profile_dir("site").stat().st_mode) == 0o700
    assert b"token-1" not in store.record_file("site").read_bytes()


def test_a_record_alone_can_change(store: TokenStore) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    ended = a_record(state="login_required", reason="revoked")
    store.publish(ended, None)
    assert store.read("site") == (ended, AccessToken("token-1", NOW + 600))


def test_a_login_without_a_token(store: TokenStore) -> None:
    store.publish(a_record(state="login_required"), None)
    found = store.read("site")
    assert found is not None
    assert found[1] is None


def test_a_torn_pair_counts_with_the_end_that_the_token_names(store: TokenStore) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    newer = jwt(exp=NOW + 1200)
    write_private(store.token_file("site"), newer.encode())
    assert store.read("site") == (a_record(), AccessToken(newer, NOW + 1200))


def test_no_reader_ever_mixes_two_logins(store: TokenStore) -> None:
    ends = {fingerprint(value): end for value, end in (("token-1", NOW), ("token-2", NOW + 1))}
    done = threading.Event()

    def keep_publishing() -> None:
        while not done.is_set():
            for value in ("token-1", "token-2"):
                record = a_record(value, expires_at=ends[fingerprint(value)])
                store.publish(record, AccessToken(value))

    store.publish(a_record(expires_at=NOW), AccessToken("token-1"))
    writer = threading.Thread(target=keep_publishing)
    writer.start()
    try:
        for _ in range(300):
            found = store.read("site")
            assert found is not None
            assert found[1] is not None
            assert found[1].expires_at in (None, ends[found[1].fingerprint])
    finally:
        done.set()
        writer.join()


def test_damage_and_strangers_are_errors(store: TokenStore) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    write_private(store.token_file("site"), b"not a token")
    with pytest.raises(LoginRequired, match="does not hold an access token"):
        store.read("site")
    store.token_file("site").chmod(0o644)
    with pytest.raises(UnsafePath, match="is open to others"):
        store.read("site")
    write_private(store.record_file("site"), b"{}")
    with pytest.raises(ConfigError, match=r"record\.json is damaged"):
        store.read("site")


def test_an_empty_token_file_is_no_token(store: TokenStore) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    write_private(store.token_file("site"), b"\n")
    assert store.read("site") == (a_record(), None)


@given(
    st.binary(max_size=100)
    | st.text().map(str.encode)
    | st.sampled_from([b"\xff" * 5000, b"a" * 70_000, b"\0", b"a b"])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_the_token_file(store: TokenStore, data: bytes) -> None:
    store.publish(a_record(), AccessToken("token-1"))
    write_private(store.token_file("site"), b"secret" + data)
    try:
        found = store.read("site")
    except LoginRequired as error:
        check_words(error, "secret", where=str(store.token_file("site")))
        return
    assert found is not None
    assert found[1] is not None
    assert found[1].value.isascii()
    assert found[1].value.isprintable()
    assert " " not in found[1].value
