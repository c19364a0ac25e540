"""The authorization code flow with PKCE (RFC 6749 4.1, 7636, 8252) without I/O: a generator, as `device.py`."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from ctaclient._util.redact import printable, redact
from ctaclient.errors import CtaError, IssuerError
from ctaclient_agent.issuer.answers import Tokens, read_tokens
from ctaclient_agent.issuer.http import Reply
from ctaclient_agent.login.device import Post, Refused, denied

if TYPE_CHECKING:
    from collections.abc import Generator

    from ctaclient._util.clock import Clock
    from ctaclient.errors import NetworkError
    from ctaclient_agent.issuer.discovery import Metadata

LIFE_S = 300.0
_MAX_CODE = 4096


@dataclass(frozen=True, slots=True)
class Browse:
    """Show `url` to the user and open it in a browser of this machine; the answer is None."""

    url: str = field(repr=False)
    life_s: float


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for the redirect; the answer is its query, or None when nothing came for `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """One login: who asks, where the answer is to come, and what only we know. Secrets are new each time."""

    client_id: str
    scope: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    challenge: str = field(repr=False)

    def is_answer(self, query: str) -> bool:
        """Whether `query` belongs to this login: any page in the user's browser can call our address."""
        states = [value for name, value in _pairs(query) if name == "state"]
        return len(states) == 1 and hmac.compare_digest(states[0].encode(), self.state.encode())


Step = Browse | Listen | Post
Result = Reply | str | None


def code_flow(
    request: CodeRequest, metadata: Metadata, clock: Clock, *, client_secret: str | None = None
) -> Generator[Step, Result | NetworkError, Tokens]:
    """Drive it with `send`; it returns the tokens, or raises IssuerError or NetworkError kin."""
    yield Browse(authorization_url(request, metadata), LIFE_S)
    query = yield Listen(LIFE_S)
    if not isinstance(query, str):
        raise IssuerError(
            f"nobody approved the login within {LIFE_S / 60:.0f} min",
            hint="ctaclient start-agent --flow device works without a browser on this machine",
        )
    form = {
        "grant_type": "authorization_code",
        "code": read_redirect(query, request, metadata),
        "redirect_uri": request.redirect_uri,
        "code_verifier": request.verifier,
    }
    result = yield Post("token", form)
    if isinstance(result, CtaError):
        raise result  # not tried again: a code that comes twice may end what it gave (RFC 6749 4.1.2)
    if not isinstance(result, Reply):
        raise TypeError("a request is answered with a Reply or an error")
    answer = read_tokens(result, clock.now(), form["code"], request.verifier, client_secret)
    if isinstance(answer, Tokens):
        return answer
    raise Refused(f"the issuer refused the login: {answer.text}", status=answer.status, code=answer.code)


def authorization_url(request: CodeRequest, metadata: Metadata) -> str:
    """Where the user approves. Raises IssuerError when the issuer has no such place."""
    endpoint = metadata.authorization_endpoint
    if endpoint is None or "#" in endpoint:
        raise IssuerError(
            f"the issuer {printable(metadata.issuer)} offers no login by browser", hint="ctaclient start-agent"
        )
    query = {
        "response_type": "code",
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "scope": request.scope,
        "state": request.state,
        "code_challenge": request.challenge,
        "code_challenge_method": "S256",
    }
    if {"openid", "offline_access"} <= set(request.scope.split()):
        query["prompt"] = "consent"  # else offline_access is to be ignored (OpenID Connect Core 11)
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def read_redirect(query: str, request: CodeRequest, metadata: Metadata) -> str:
    """The code in the redirect's query. Raises IssuerError when it is a refusal, or not from this issuer."""
    pairs = _pairs(query)
    said = dict(pairs)
    if len(said) != len(pairs) or not request.is_answer(query):
        raise IssuerError("the browser came back with an answer that does not belong to this login")
    issuer = said.get("iss")
    if issuer != metadata.issuer and (issuer is not None or metadata.names_itself_in_redirects):
        # RFC 9207 2.4: another issuer's answer, mixed in
        raise IssuerError(f"the browser came back from another issuer: {printable(str(issuer), limit=100)}")
    if error := said.get("error"):
        if error == "access_denied":
            raise denied()
        words = [error, said.get("error_description", "")]
        shown = ": ".join(printable(redact(word, request.state), limit=200) for word in words if word)
        raise Refused(f"the issuer refused the login: {shown}", code=error)
    code = said.get("code", "")
    if not 0 < len(code) <= _MAX_CODE or not code.isascii() or not code.isprintable():
        raise IssuerError("the browser came back without a code")
    return code


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return []
