"""An agent's home on any issuer: runs `ctaclient` in it, and reads what its user could read."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.providers.person import visit
from tests.support.agent_home import AgentHome, Finished

if TYPE_CHECKING:
    from pathlib import Path

    from ctaclient.sandbox import Sandbox
    from ctaclient.tokens.record import Record
    from ctaclient_agent.logins.credentials import Login
    from tests.providers.issuer import Issuer

_TIMEOUT_S = 60.0


class Home(AgentHome):
    """An agent's world below one directory, with logins at `issuer`."""

    def __init__(self, home: Path, sandbox: Sandbox, issuer: Issuer) -> None:
        super().__init__(home, sandbox)
        self.issuer = issuer
        self.environ["CTACLIENT_CA_BUNDLE"] = str(issuer.ca_file)
        self.page = ""  # where a login in a browser ended

    def arguments(self, client_id: str | None = None) -> list[str]:
        """What a first login needs."""
        return [
            *("--issuer", self.issuer.url, "--storage-url", self.sandbox.storage_url),
            *("--client-id", client_id or self.issuer.client_id),
        ]

    def confidential(self) -> list[str]:
        """The same for the client with a secret."""
        secret_file = str(self.issuer.client_secret_file)
        return [*self.arguments(self.issuer.confidential_client_id), "--client-secret-file", secret_file]

    def start_agent(self, *arguments: str, deny: bool = False, refused: bool = False) -> Finished:
        """`ctaclient start-agent`, and a person who does what it asks for; with `refused` they are asked nothing."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ctaclient", "start-agent", *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # no terminal to ask for a secret
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            said, approved_at = "", time.time()
            for line in process.stderr:
                said += line
                if code := re.search(r"enter the code (\S+)", line):
                    uri = re.search(r"https://\S+", said)
                    assert uri is not None
                    self.issuer.approve(uri[0], code[1], self.issuer.ca_file, deny=deny)
                    approved_at = time.time()
                elif "browser on this machine" in said and (address := re.fullmatch(r" {4}(https://\S+)\n", line)):
                    if refused:
                        visit(address[1], self.issuer.ca_file)
                    else:
                        self.page = self.issuer.allow(address[1], self.issuer.ca_file, deny=deny)
                    approved_at = time.time()
            stdout = process.stdout.read()
        return Finished(process.wait(), stdout, said, approved_at)

    def unregistered(self) -> list[str]:
        """What a first login needs where no client is named."""
        return ["--issuer", self.issuer.url, "--storage-url", self.sandbox.storage_url]

    def give_display(self, browser: str | None = None) -> None:
        """A desktop: `browser` is the shell script that opens addresses there."""
        programs = self.home.parent / "programs"
        programs.mkdir()
        if browser is not None:
            (programs / "xdg-open").write_text(f"#!/bin/sh\n{browser}\n")
            (programs / "xdg-open").chmod(0o700)
        self.environ |= {"DISPLAY": ":nowhere", "PATH": str(programs)}

    def client_is_known(self, client_id: str) -> bool:
        """Whether the issuer lets a client begin a login."""
        try:
            self._ask(self._metadata()["device_authorization_endpoint"], urlencode({"client_id": client_id}).encode())
        except HTTPError as error:
            with error:
                return bool(json.loads(error.read())["error"] != "invalid_client")
        return True

    def delete_client(self, login: Login) -> int:
        """Delete a registered client behind the agent's back; the status."""
        request = Request(
            login.registration_uri or "",
            method="DELETE",
            headers={"Authorization": f"Bearer {login.registration_token}"},
        )
        with self._opener().open(request, timeout=_TIMEOUT_S) as answer:
            status: int = answer.status
            return status

    def first_login(self, *arguments: str) -> Finished:
        """A login that works, with a new code."""
        done = self.start_agent(*(arguments or self.arguments()))
        assert done.exit_code == 0, done.stderr
        assert "enter the code" in done.stderr
        return done

    def go_on(self) -> Finished:
        """Start an agent that needs nobody's approval."""
        done = self.start_agent()
        assert done.exit_code == 0, done.stderr
        assert "code" not in done.stderr
        return done

    def record(self, profile: str | None = None) -> Record:
        """What the store says of a login."""
        record = self.store.record(profile or self.profile)
        assert record is not None
        return record

    def login(self, profile: str | None = None) -> Login:
        """The sealed login, opened."""
        login = self.vault().load(profile or self.profile)
        assert login is not None
        return login

    def token(self, profile: str | None = None) -> jwt.Token:
        """The access token, its signature checked with the keys that the issuer shows."""
        text = self.store.token_file(profile or self.profile).read_text()
        keys = KeySet.import_key_set(self._ask(self._metadata()["jwks_uri"]))
        return jwt.decode(text, keys, algorithms=["ES256", "RS256"])

    def redeem(self, refresh_token: str) -> tuple[int, str]:
        """Use a refresh token of the public client behind the agent's back: status and error, which there must be."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": self.issuer.client_id}
        with pytest.raises(HTTPError) as caught:
            self._ask(self._metadata()["token_endpoint"], urlencode(form).encode())
        with caught.value as refusal:
            return refusal.code, json.loads(refusal.read())["error"]

    def _metadata(self) -> Any:
        return self._ask(f"{self.issuer.url}/.well-known/openid-configuration")

    def _ask(self, url: str, data: bytes | None = None) -> Any:
        with self._opener().open(url, data, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read())

    def _opener(self) -> OpenerDirector:
        context = ssl.create_default_context(cafile=str(self.issuer.ca_file))
        return build_opener(ProxyHandler({}), HTTPSHandler(context=context))
