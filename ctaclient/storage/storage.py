"""`Storage`: one endpoint, reached through one session, with what its server can."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ctaclient._util.origin import Origin
from ctaclient.capabilities import Capabilities, capabilities_of
from ctaclient.errors import ConfigError
from ctaclient.storage.href import segments_of
from ctaclient.storage.path import RemotePath

if TYPE_CHECKING:
    from ctaclient.transport.requests import Requests


class Storage:
    """Paths are below `url`, which may have a path of its own (Nextcloud: `/remote.php/dav/files/NAME`)."""

    def __init__(self, url: str, requests: Requests) -> None:
        self.origin = Origin.of(url)
        if self.origin.scheme != "https":
            raise ConfigError(f"the storage URL {self.origin} is not https", hint="use https: tokens need TLS")
        # Percent-escapes belong to URLs: this is the one place where a user writes an escaped path.
        self.base = RemotePath(segments_of(urlsplit(url).path, encoded=True))
        self.requests = requests
        self._publish_by_put = False
        self._server: str | None = None

    def url(self, path: RemotePath, *, directory: bool = False) -> str:
        """The URL of `path`; with a slash at the end for a directory."""
        return f"{self.origin}{self.quoted(path)}{'/' if directory and (path.segments or self.base.segments) else ''}"

    def quoted(self, path: RemotePath) -> str:
        """The path of that URL."""
        return RemotePath(self.base.segments + path.segments).quoted()

    @property
    def capabilities(self) -> Capabilities:
        """What the server can, from the name it gives itself; asks it once when it has not answered yet."""
        server = self.requests.server(self.origin)
        server = self._server if server is None else server
        if server is None:
            with self.requests.send("OPTIONS", self.url(RemotePath(), directory=True)) as answer:
                if answer.status == 401 or answer.status >= 500:
                    answer.raise_for_status(f"cannot reach {self.origin}")
                # StoRM refuses OPTIONS at the root, and says who it is all the same.
                server = self._server = answer.header("Server") or ""
        known = capabilities_of(server)
        return replace(known, publish="put") if self._publish_by_put else known

    def publish_by_put(self) -> None:
        """Remember that MOVE does not work here: missing, or forbidden to this token."""
        self._publish_by_put = True
