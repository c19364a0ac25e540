"""Who is spoken to: scheme, host and port (RFC 6454). The port counts: a dCache pool may share the door's host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from ctaclient.errors import UsageError

_DEFAULT_PORTS = {"https": 443, "http": 80}
_ALIASES = {"davs": "https", "dav": "http"}
_HINT = "write it as https://host:port/path"
_HOST = r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme (`https` or `http`), host as DNS knows it in lower case and without brackets, port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an http(s) or dav(s) URL. Raises UsageError for anything else."""
        try:
            parts = urlsplit(url)
            port = parts.port
            host = _ascii_host(parts.hostname or "")
        except ValueError as error:
            raise UsageError(f"not a usable URL: {error}", hint=_HINT) from None
        scheme = _ALIASES.get(parts.scheme.lower(), parts.scheme.lower())
        if scheme not in _DEFAULT_PORTS or not host:
            raise UsageError("not an https URL", hint=_HINT)
        return cls(scheme, host, port or _DEFAULT_PORTS[scheme])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")


def _ascii_host(host: str) -> str:
    """One spelling for each host, so that two parsers cannot see two hosts in one URL. Raises ValueError."""
    if ":" in host:
        return str(IPv6Address(host))
    # The standard library's codec lets ASCII pass as it is: the pattern looks at what comes out.
    host = host.encode("idna").decode("ascii").lower() if host else ""
    if host and not re.fullmatch(_HOST, host):
        raise ValueError("the host name has characters that no host name has")
    return host
