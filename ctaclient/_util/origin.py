"""Who is spoken to: scheme, host and port (RFC 6454). The port counts: a dCache pool may share the door's host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ctaclient.errors import UsageError

_DEFAULT_PORTS = {"https": 443, "http": 80}
_ALIASES = {"davs": "https", "dav": "http"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme (`https` or `http`), host in lower case without brackets, port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an http(s) or dav(s) URL. Raises UsageError for anything else."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"not a usable URL: {error}") from None
        scheme = _ALIASES.get(parts.scheme.lower(), parts.scheme.lower())
        if scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise UsageError("not an https URL", hint="write it as https://host:port/path")
        return cls(scheme, parts.hostname.lower(), port or _DEFAULT_PORTS[scheme])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}")
