"""The control protocol: whatever arrives, it is a message or a ProtocolError."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient import errors
from ctaclient.control.messages import (
    MAX_BYTES,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_refusal,
    encode_request,
    read_error,
)
from ctaclient.errors import CtaError, LoginRequired, ProtocolError
from tests.support.hostile import JSON, as_bytes, changed, check_words

REQUESTS = st.builds(Request, st.sampled_from(["status", "stop", "reload", "refresh"]), st.none() | st.text())


@given(REQUESTS)
def test_requests_round_trip_on_one_line(request: Request) -> None:
    line = encode_request(request)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_request(line) == request


@given(st.dictionaries(st.text(min_size=1).filter(lambda key: key not in ("v", "ok")), st.text() | st.integers()))
def test_answers_round_trip(facts: dict[str, str | int]) -> None:
    assert decode_answer(encode_answer(**facts)) == {"v": 1, "ok": True, **facts}


@given(st.text(st.characters(exclude_categories=())))
def test_a_refusal_is_an_error_that_can_be_shown(reason: str) -> None:
    with pytest.raises(LoginRequired) as caught:
        decode_answer(encode_refusal(LoginRequired(reason, hint=reason)))
    assert str(caught.value).isprintable()
    assert (caught.value.hint or "").isprintable()


@given(st.binary())
def test_any_bytes(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_request(line)
    with pytest.raises(ProtocolError):
        decode_answer(line)


@given(st.dictionaries(st.sampled_from(["v", "op", "ok", "profile", "error"]), JSON | st.just(1)))
def test_any_object(body: dict[str, object]) -> None:
    line = json.dumps(body).encode()
    for decode in (decode_request, decode_answer):
        said = ""
        try:
            decode(line)
        except CtaError as error:
            said = str(error)
        assert said.isprintable()


@pytest.mark.parametrize("line", [b"[" * 60_000, b'{"v":' * 10_000, b"1" * 60_000], ids=["lists", "objects", "digits"])
def test_hostile_json(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_request(line)


def test_too_long() -> None:
    with pytest.raises(ProtocolError, match="message too long"):
        decode_request(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize("decode", [decode_request, decode_answer])
def test_another_version_says_how_to_go_on(decode: object) -> None:
    assert callable(decode)
    with pytest.raises(ProtocolError, match="protocol version 2, this side speaks 1") as caught:
        decode(b'{"v": 2, "ok": true, "op": "status"}')
    assert "stop-agent" in (caught.value.hint or "")


@pytest.mark.parametrize("op", ["shutdown", "", "STATUS", None, 1, [], "\x1b[2J"])
def test_unknown_operations(op: object) -> None:
    with pytest.raises(ProtocolError, match="unknown operation") as caught:
        decode_request(json.dumps({"v": 1, "op": op}).encode())
    assert str(caught.value).isprintable()


REFUSAL = {**LoginRequired("the login has ended", hint="ctaclient start-agent").to_dict(), "v": 1, "ok": False}
SLUGS = sorted({kind.slug for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CtaError)})


@given(changed(REFUSAL, JSON | st.sampled_from(SLUGS)))
def test_whatever_a_refusal_says_can_be_shown(body: dict[str, object]) -> None:
    for read in (lambda: decode_answer(json.dumps(body).encode()), lambda: read_error(body)):
        try:
            said = read()
        except CtaError as error:
            said = error
        if isinstance(said, CtaError):
            check_words(said)


@given(as_bytes(changed({"v": 1, "op": "token", "profile": "a", "scope": "s", "audience": "x", "min_ttl_s": 5})))
def test_whatever_is_asked(line: bytes) -> None:
    try:
        request = decode_request(line)
    except ProtocolError as error:
        check_words(error)
        return
    assert 0 <= request.min_ttl_s < 1e9
    assert all(isinstance(text, str | None) for text in (request.profile, request.scope, request.audience))
