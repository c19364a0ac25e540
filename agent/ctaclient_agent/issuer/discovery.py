"""Where an issuer's endpoints are: OIDC Discovery 4, then RFC 8414 3. All https; cached in the process only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ctaclient._util.redact import printable
from ctaclient.errors import IssuerError, ServerError

if TYPE_CHECKING:
    from ctaclient_agent.issuer.http import Http, Reply

_OPTIONAL_ENDPOINTS = (
    "device_authorization_endpoint",
    "jwks_uri",
    "authorization_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an issuer says about itself. `issuer` is in its own spelling."""

    issuer: str
    token_endpoint: str
    device_authorization_endpoint: str | None = None
    jwks_uri: str | None = None
    authorization_endpoint: str | None = None
    registration_endpoint: str | None = None
    revocation_endpoint: str | None = None
    # RFC 8414 2: the default where the list is missing
    auth_methods: tuple[str, ...] = ("client_secret_basic",)
    pkce_methods: tuple[str, ...] = ()
    # RFC 9207 3: whether each redirect back to us says which issuer it comes from
    names_itself_in_redirects: bool = False


class Discovery:
    """Looks issuers up, and remembers them until `forget`."""

    def __init__(self) -> None:
        self._known: dict[str, Metadata] = {}

    def look_up(self, issuer: str, http: Http) -> Metadata:
        """The metadata of `issuer`. Raises IssuerError for a document that breaks the rules, else NetworkError kin."""
        if issuer not in self._known:
            self._known[issuer] = discover(issuer, http)
        return self._known[issuer]

    def forget(self, issuer: str) -> None:
        """Ask again next time: a failed request may mean that an endpoint has moved."""
        self._known.pop(issuer, None)


def discover(issuer: str, http: Http) -> Metadata:
    """The metadata of `issuer`, asked from the network."""
    oidc, oauth = well_known_urls(issuer)
    reply = http.get(oidc)
    if reply.status == 404:
        reply = http.get(oauth)
    return parse_metadata(reply, issuer)


def well_known_urls(issuer: str) -> tuple[str, str]:
    """The OIDC place (after the path) and the RFC 8414 place (between host and path)."""
    parts = urlsplit(issuer.rstrip("/"))
    oauth = parts._replace(path=f"/.well-known/oauth-authorization-server{parts.path}").geturl()
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration", oauth


def parse_metadata(reply: Reply, issuer: str) -> Metadata:
    """The metadata in `reply`.

    Authlib's own validation is not used for the endpoints: an environment variable makes it accept http.
    """
    shown = printable(issuer)
    if reply.status >= 500 or reply.status in (408, 425, 429):
        raise ServerError(f"the issuer {shown} answered {reply.status} to discovery", status=reply.status)
    if reply.status != 200:
        raise IssuerError(
            f"{shown} is no OpenID issuer: its discovery document answers {reply.status}",
            hint="check --issuer",
            status=reply.status,
        )
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        # a captive portal or a proxy's error page: trying again may help
        raise ServerError(f"the issuer {shown} did not answer with a discovery document")
    said = document.get("issuer")
    if not isinstance(said, str) or not same_issuer(said, issuer):
        raise IssuerError(
            f"{shown} says that its name is {printable(str(said), limit=100)}",
            hint="give --issuer exactly so, if you trust it",
        )
    return Metadata(
        issuer=said,
        token_endpoint=_endpoint(document, "token_endpoint", shown),
        **{
            name: _endpoint(document, name, shown) if document.get(name) is not None else None
            for name in _OPTIONAL_ENDPOINTS
        },
        auth_methods=_texts(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        pkce_methods=_texts(document, "code_challenge_methods_supported"),
        names_itself_in_redirects=document.get("authorization_response_iss_parameter_supported") is True,
    )


def same_issuer(one: str, other: str) -> bool:
    """Whether two spellings name one issuer: equal up to one slash at the end (IAM's has it, Keycloak's has not)."""
    return one.removesuffix("/") == other.removesuffix("/")


def is_https(url: object) -> bool:
    """Whether `url` is an https URL that can be shown and used as it is: no spaces, no control characters, no user."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and (parts.port or 1) > 0
    except ValueError:
        return False


def _endpoint(document: dict[str, Any], name: str, shown: str) -> str:
    url = document.get(name)
    if not is_https(url):
        raise IssuerError(f"the issuer {shown} gives no https address as {name}")
    return str(url)


def _texts(document: dict[str, Any], name: str) -> tuple[str, ...]:
    values = document.get(name)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()
