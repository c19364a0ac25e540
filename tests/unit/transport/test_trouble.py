"""Every foreign error that the stack can meet becomes one of ours."""

from __future__ import annotations

import errno
import inspect
import socket
import ssl

import h11
import httpcore
import pytest

from ctaclient import errors
from ctaclient.transport.trouble import FOREIGN, translate

# Pooling is ours, so httpcore's pool cannot be met; async has its own list.
NOT_MET = {httpcore.ConnectionNotAvailable}
HTTPCORE = {
    each
    for _, each in inspect.getmembers(httpcore, inspect.isclass)
    if issubclass(each, Exception) and each.__module__.startswith("httpcore")
}


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("kind", sorted(HTTPCORE - NOT_MET, key=str))
@pytest.mark.parametrize("connecting", [True, False])
def test_all_of_httpcores_errors_are_caught_and_translated(kind: type[Exception], connecting: bool) -> None:
    assert issubclass(kind, FOREIGN)
    ours = translate(kind("x"), "door:443", connecting=connecting)
    assert isinstance(ours, errors.NetworkError)
    assert "door:443" in str(ours)


@pytest.mark.parametrize("kind", [h11.RemoteProtocolError, h11.LocalProtocolError])
def test_all_of_h11s_errors_too(kind: type[Exception]) -> None:
    assert issubclass(kind, FOREIGN)
    assert type(translate(kind("bad chunk \x1b[2J"), "door:443")) is errors.ProtocolError


def verification(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


UNICODE = UnicodeError("label too long")
RESET = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


@pytest.mark.parametrize(
    ("error", "connecting", "kind", "text"),
    [
        (REFUSED, True, errors.ConnectError, "cannot connect to door:443: connection refused"),
        (caused(httpcore.ConnectError("x"), REFUSED), True, errors.ConnectError, "connection refused"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), True, errors.ConnectError, "network is unreachable"),
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), True, errors.ConnectError, "unknown host in door:443"),
        (caused(httpcore.ConnectError("x"), socket.gaierror(-2, "x")), True, errors.ConnectError, "unknown host"),
        (UNICODE, True, errors.ConnectError, "unknown host in door:443"),
        (TimeoutError("timed out"), True, errors.Timeout, "timed out connecting to door:443"),
        (httpcore.ConnectTimeout("x"), True, errors.Timeout, "timed out connecting to door:443"),
        (TimeoutError("timed out"), False, errors.Timeout, "timed out waiting for door:443"),
        (RESET, False, errors.Disconnected, "broke: closed by the other side"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), False, errors.Disconnected, "closed by the other side"),
        (httpcore.ReadError("x"), False, errors.Disconnected, "connection lost"),
        (OSError("no number"), False, errors.Disconnected, "connection lost"),
        (verification(10, "certificate has expired"), True, errors.TlsError, "has expired"),
        (verification(62, "Hostname mismatch"), True, errors.TlsError, "is for another host"),
        (verification(64, "IP address mismatch"), True, errors.TlsError, "is for another host"),
        (verification(18, "self-signed\x1b"), True, errors.TlsError, r"not signed by a trusted CA (self-signed\x1b)"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), True, errors.TlsError, "TLS with door:443 failed"),
        (ssl.SSLEOFError(8, "EOF occurred"), True, errors.TlsError, "TLS with door:443 failed"),
        (ssl.SSLEOFError(8, "EOF occurred"), False, errors.Disconnected, "the connection to door:443 broke"),
        (caused(httpcore.ReadError("x"), ssl.SSLEOFError(8, "EOF")), False, errors.Disconnected, "door:443 broke"),
        (caused(httpcore.WriteError("x"), ssl.SSLZeroReturnError(6, "x")), False, errors.Disconnected, "broke"),
        (ssl.SSLSyscallError(5, "x"), False, errors.Disconnected, "the connection to door:443 broke"),
        (caused(httpcore.ConnectError("x"), ssl.SSLEOFError(8, "EOF")), True, errors.TlsError, "TLS with door:443"),
        (ssl.SSLError(1, "[SSL: DECRYPTION_FAILED] bad"), False, errors.TlsError, "TLS with door:443 failed"),
    ],
)
def test_table(error: Exception, connecting: bool, kind: type[errors.CtaError], text: str) -> None:
    ours = translate(error, "door:443", connecting=connecting)
    assert type(ours) is kind
    assert text in str(ours)
    assert ours.hint
    assert ours.retryable is (kind in (errors.ConnectError, errors.Disconnected, errors.Timeout))
    assert str(ours).isprintable()


def test_ours_stay_ours() -> None:
    ours = errors.Changed("it changed")
    assert translate(ours, "door:443") is ours
