"""How a token for less than the whole login is asked for, and how one that is for more is recognised. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ctaclient._util.redact import printable
from ctaclient.tokens.token import claims

if TYPE_CHECKING:
    from ctaclient.tokens.scoped import TokenRequest
    from ctaclient_agent.issuer.answers import Tokens


def wanted_form(request: TokenRequest, audience_parameter: str | None = None) -> dict[str, str]:
    """What a refresh says of its purpose.

    The audience goes as `resource` where it can (RFC 8707: an absolute URI without fragment) and as `audience`, which
    INDIGO IAM knows from before it knew the other (agent.md 3); who knows neither ignores both (RFC 6749 3.2). Of an
    issuer that takes but one of the words `audience_parameter` says which.
    """
    form = {}
    if request.scope:
        form["scope"] = " ".join(request.scope)
    if request.audience:
        if audience_parameter != "resource":
            form["audience"] = request.audience
        if audience_parameter != "audience" and _is_absolute(request.audience):
            form["resource"] = request.audience
    return form


def is_too_wide(tokens: Tokens, request: TokenRequest) -> str:
    """Why the token is good for more than was asked for, or an empty text.

    A wider token in a job's hands is what was to be avoided (PelicanPlatform/pelican#2266 and #2441). Of an opaque
    token only the scope is known that the answer names.
    """
    said = claims(tokens.access_token)
    for granted in (tokens.scope or "", *(_words(said.get(claim)) for claim in ("scope", "scp"))):
        if excess := request.excess(granted):
            return printable(f"scope {' '.join(sorted(excess))}", limit=200)
    # A token that says things, but not for whom it is, is for everybody.
    if request.audience and said and set(_words(said.get("aud")).split()) != {request.audience}:
        return printable(f"audience {_words(said.get('aud')) or 'any'}", limit=200)
    return ""


def _words(claim: object) -> str:
    """A claim that is a text in some issuers' tokens and a list in others'."""
    return " ".join(map(str, claim)) if isinstance(claim, list) else claim if isinstance(claim, str) else ""


def _is_absolute(audience: str) -> bool:
    try:
        parts = urlsplit(audience)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc and not parts.fragment)
