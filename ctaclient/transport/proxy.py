"""Proxies by the usual variables (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case) or by argument.

An httpx client with a transport of its own ignores them; honouring them is ours.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from ctaclient._util.origin import Origin
from ctaclient.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT; `authorization` is the value of `Proxy-Authorization`, or None."""

    origin: Origin
    authorization: str | None = field(default=None, repr=False)


def parse_proxy(url: str) -> Proxy:
    """The proxy in `http://[user:password@]host:port` or `https://…`. Raises ConfigError otherwise."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        origin = Origin.of(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
    except (UsageError, ValueError):
        raise ConfigError(
            "the proxy URL is not one of the form http://host:port", hint="check HTTPS_PROXY or proxy="
        ) from None
    if parts.username is None:
        return Proxy(origin)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(origin, f"Basic {b64encode(pair.encode()).decode()}")


class Proxies:
    """Which proxy, if any, leads to an origin."""

    def __init__(self, by_scheme: Mapping[str, str], *, forced: bool = False) -> None:
        self._by_scheme = dict(by_scheme)
        self._forced = forced

    @classmethod
    def of_environment(cls) -> Proxies:
        """As the process's environment says."""
        return cls(getproxies_environment())

    @classmethod
    def single(cls, url: str) -> Proxies:
        """One proxy for all."""
        return cls({"https": url}, forced=True)

    def lead_to(self, origin: Origin) -> Proxy | None:
        """The proxy for `origin`, or None to go there directly."""
        url = self._by_scheme.get(origin.scheme) or self._by_scheme.get("all")
        if not url:
            return None
        if not self._forced and proxy_bypass(f"{origin.host}:{origin.port}"):
            return None
        return parse_proxy(url)
