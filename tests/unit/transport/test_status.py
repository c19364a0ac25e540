"""What statuses mean."""

from __future__ import annotations

import httpx
import pytest

from ctaclient import errors
from ctaclient.transport.status import error_for_status, raise_for_status

TABLE = {
    400: (errors.CtaError, 1),
    401: (errors.LoginRequired, 4),
    402: (errors.CtaError, 1),
    403: (errors.Forbidden, 4),
    404: (errors.NotFound, 5),
    405: (errors.ConflictError, 6),
    408: (errors.ServerError, 7),
    409: (errors.ConflictError, 6),
    411: (errors.CtaError, 1),
    412: (errors.Changed, 6),
    413: (errors.NoSpace, 10),
    415: (errors.CtaError, 1),
    416: (errors.CtaError, 1),
    423: (errors.ServerError, 7),
    425: (errors.ServerError, 7),
    429: (errors.ServerError, 7),
    500: (errors.ServerError, 7),
    501: (errors.ProtocolError, 7),
    502: (errors.ServerError, 7),
    503: (errors.ServerError, 7),
    504: (errors.ServerError, 7),
    507: (errors.NoSpace, 10),
    509: (errors.ServerError, 7),
    599: (errors.ServerError, 7),
}
WORTH_A_RETRY = {408, 423, 425, 429, 500, 502, 503, 504, 509, 599}


@pytest.mark.parametrize("status", TABLE)
def test_table(status: int) -> None:
    error = error_for_status(status, "cannot list /a")
    kind, exit_code = TABLE[status]
    assert (type(error), error.exit_code, error.status) == (kind, exit_code, status)
    assert error.retryable is (status in WORTH_A_RETRY)


@pytest.mark.parametrize("status", [200, 201, 204, 206, 207, 302, 304])
def test_below_400_is_no_error(status: int) -> None:
    raise_for_status(a_response(status), "cannot list /a")


def a_response(
    status: int, body: bytes = b"", *, reason: str = "", method: str = "GET", token: str = "", **headers: str
) -> httpx.Response:
    request = httpx.Request(method, "https://door/a", headers={"Authorization": f"Bearer {token}"} if token else {})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(
        status,
        headers=named,
        stream=httpx.ByteStream(body),
        extensions={"reason_phrase": reason.encode()},
        request=request,
    )


def said(response: httpx.Response) -> str:
    with pytest.raises(errors.CtaError) as caught:
        raise_for_status(response, "cannot list /a")
    return str(caught.value).removeprefix("cannot list /a: ")


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (a_response(404), "404"),
        (a_response(404, reason="Not Found"), "404 Not Found"),
        (a_response(501, reason="Unrecognised header: Content-Type"), "501 Unrecognised header: Content-Type"),
        (a_response(403, b"token has expired\n", reason="Forbidden"), "403 Forbidden: token has expired"),
        (a_response(403, b"Forbidden", reason="Forbidden"), "403 Forbidden"),
        (a_response(403, b"<html>", reason="Forbidden", Content_Type="text/html"), "403 Forbidden"),
        (a_response(403, b"<?xml ...", reason="Forbidden"), "403 Forbidden"),
        (a_response(403, b"\x1b[2Jone\ntwo"), r"403 \x1b[2Jone\ntwo"),
        (a_response(403, b"\xff\xfe"), "403 \ufffd\ufffd"),
        (a_response(403, b"never sent", method="HEAD"), "403"),
        (a_response(500, b"x" * 5000), "500 " + "x" * 200 + "…"),
    ],
)
def test_what_the_server_said(response: httpx.Response, text: str) -> None:
    assert said(response) == text


@pytest.mark.parametrize("token", ["opaque-0123456789", "a+b/c=" * 5])
@pytest.mark.parametrize("text", ["bad token {}", "{}", "x" * 180 + " {}", "x" * 1995 + "{}"])
def test_a_token_that_the_server_repeats_is_not_shown(token: str, text: str) -> None:
    shown = said(a_response(403, text.format(token).encode(), token=token))
    assert token not in shown
    assert token[:12] not in shown


def test_a_body_that_breaks_off_adds_nothing() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield b"half a "
            raise errors.Disconnected("the connection ended")

    response = httpx.Response(503, stream=Broken(), request=httpx.Request("GET", "https://door/a"))
    assert said(response) == "503"
