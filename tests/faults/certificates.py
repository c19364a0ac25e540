"""Server contexts with good certificates, and with those that must be refused: for another host, or of last year."""

from __future__ import annotations

import datetime
import ssl
from typing import TYPE_CHECKING

from cryptography import x509

from ctaclient.sandbox.certificate import Authority

if TYPE_CHECKING:
    from pathlib import Path


def good_context(directory: Path, authority: Authority) -> ssl.SSLContext:
    """A server's context with a certificate for localhost."""
    return _context(directory, *authority.issue("bytes"))


def bad_context(directory: Path, *, host: str = "localhost", days_left: int = 30) -> tuple[ssl.SSLContext, bytes]:
    """A server's context with a certificate for `host` that ends in `days_left` days, and the PEM of its CA."""
    authority = Authority()
    issued = authority.issue("bytes", names=[x509.DNSName(host)], life=datetime.timedelta(days=days_left))
    return _context(directory, *issued), authority.pem


def _context(directory: Path, certificate: bytes, key: bytes) -> ssl.SSLContext:
    file = directory / "server.pem"
    file.write_bytes(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
