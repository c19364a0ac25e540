"""A sandbox per session, and a plain HTTP client that hides nothing."""

from __future__ import annotations

import http.client
import itertools
import json
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import pytest

from ctaclient.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_TIMEOUT_S = 20


@dataclass(frozen=True)
class Reply:
    """An answer with its whole body; header names in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def responses(self) -> dict[str, ElementTree.Element]:
        """The responses of a multistatus by href, in their order."""
        root = ElementTree.fromstring(self.body)
        return {str(response.findtext("{DAV:}href")): response for response in root}


class Wire:
    """Speaks HTTP to one sandbox, without following or repeating anything."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self._context = ssl.create_default_context(cafile=box.ca_file)
        self._token = box.mint()

    def connect(self, url: str) -> http.client.HTTPSConnection:
        parts = urlsplit(url)
        return http.client.HTTPSConnection(str(parts.hostname), parts.port, context=self._context, timeout=_TIMEOUT_S)

    def ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        connection: http.client.HTTPSConnection | None = None,
    ) -> Reply:
        """One request; on a connection of its own unless one is given."""
        used = connection or self.connect(url)
        target = "/" + url.split("/", 3)[3] if url.count("/") > 2 else "/"
        try:
            used.request(method, target, body, headers or {})
            answer = used.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, answer.reason, found, answer.read())
        finally:
            if connection is None:
                used.close()

    def door(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        *,
        token: str | None = None,
        connection: http.client.HTTPSConnection | None = None,
    ) -> Reply:
        """A request to the door with a good token (or the given one)."""
        authorization = {"Authorization": f"Bearer {token or self._token}"}
        return self.ask(method, self.box.storage_url + path, {**authorization, **(headers or {})}, body, connection)

    def promise(self, method: str, path: str, headers: dict[str, str] | None = None) -> str:
        """The pool URL that the door redirects to."""
        extra = {"Expect": "100-continue", "Content-Length": "0"} if method == "PUT" else {}
        reply = self.door(method, path, {**extra, **(headers or {})})
        assert reply.status in (302, 307), reply
        return reply.headers["location"]

    def post(self, path: str, form: dict[str, str], headers: dict[str, str] | None = None) -> Reply:
        """A form for the issuer."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.ask("POST", self.box.issuer_url + path, sent, urlencode(form).encode())

    def start_login(self, scope: str = "openid offline_access", **more: str) -> Any:
        """A device authorization answer for the public client."""
        reply = self.post("/device_authorization", {"client_id": self.box.client_id, "scope": scope, **more})
        assert reply.status == 200, reply
        return reply.json()

    def poll(self, device_code: str, **more: str) -> Reply:
        form = {"grant_type": DEVICE_GRANT, "client_id": self.box.client_id, "device_code": device_code, **more}
        return self.post("/token", form)

    def refresh(self, refresh_token: str, **more: str) -> Reply:
        form = {"grant_type": "refresh_token", "client_id": self.box.client_id, "refresh_token": refresh_token, **more}
        return self.post("/token", form)


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(tmp_path_factory.mktemp("box")) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def wire(box: Sandbox) -> Wire:
    return Wire(box)


_numbers = itertools.count()


@pytest.fixture
def place(box: Sandbox) -> tuple[str, Path]:
    """A directory of the test's own: its path at the door, and on disk."""
    name = f"test-{next(_numbers)}"
    directory = box.storage_root / name
    directory.mkdir()
    return f"/{quote(name)}", directory
