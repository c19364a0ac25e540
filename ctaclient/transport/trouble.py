"""The one border where errors of sockets, TLS, httpcore and h11 become ours."""

from __future__ import annotations

import errno
import socket
import ssl

import h11
import httpcore

from ctaclient import errors
from ctaclient._util.redact import printable
from ctaclient.tls import certificate_error

# What the libraries below may raise at us; a test compares it with httpcore's own list.
FOREIGN: tuple[type[Exception], ...] = (
    OSError,
    UnicodeError,  # a host name that cannot be one: getaddrinfo encodes it first
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    h11.ProtocolError,
)

# The other side went away in the middle, with or without saying so in TLS.
_ENDED = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def translate(error: Exception, peer: str, *, connecting: bool = False) -> errors.CtaError:
    """Our error for a foreign one that happened while talking to `peer` (`host:port`)."""
    if isinstance(error, errors.CtaError):
        return error
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return certificate_error(cause, peer)
    if isinstance(cause, TimeoutError) or isinstance(error, httpcore.TimeoutException):
        doing = "connecting to" if connecting else "waiting for"
        return errors.Timeout(f"timed out {doing} {peer}", hint="try again; is the network up?")
    if isinstance(cause, socket.gaierror | UnicodeError):
        return errors.ConnectError(f"unknown host in {peer}", hint="check the storage URL: ctaclient config show")
    if isinstance(cause, ssl.SSLError) and not (isinstance(cause, _ENDED) and not connecting):
        what = printable(getattr(cause, "reason", None) or str(cause), limit=80).lower().replace("_", " ")
        return errors.TlsError(f"TLS with {peer} failed: {what}", hint="is this an https port?")
    if isinstance(error, h11.ProtocolError):
        return errors.ProtocolError(f"{peer} does not speak proper HTTP: {printable(str(error), limit=120)}")
    if connecting and isinstance(cause, OSError):
        return errors.ConnectError(f"cannot connect to {peer}: {_reason(cause)}", hint="check the storage URL")
    why = _reason(cause) if isinstance(cause, OSError) else "connection lost"
    return errors.Disconnected(f"the connection to {peer} broke: {why}", hint="try again")


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None and error.__cause__ is not error:
        error = error.__cause__
    return error


def _reason(error: OSError) -> str:
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return "closed by the other side"
    return (error.strerror or "connection lost").lower()
