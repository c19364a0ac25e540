"""A login by the device flow: runs the generator over HTTP and checks what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from ctaclient._util.redact import printable
from ctaclient.errors import IssuerError, NetworkError
from ctaclient_agent.client_auth import ClientAuth
from ctaclient_agent.credentials import Login
from ctaclient_agent.device import Post, Prompt, Wait, device_flow
from ctaclient_agent.discovery import discover
from ctaclient_agent.idtoken import verify_id_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient._util.clock import Clock
    from ctaclient_agent.answers import Tokens
    from ctaclient_agent.device import Result, Step
    from ctaclient_agent.discovery import Metadata
    from ctaclient_agent.http import Http
    from ctaclient_agent.target import Target

_VERIFIER_LENGTH = 64  # RFC 7636 4.1: 43 to 128


def log_in(
    target: Target, client_secret: str | None, http: Http, clock: Clock, show: Callable[[Prompt], None]
) -> tuple[Login, Tokens, float]:
    """The login that the user approved, not stored anywhere yet, its tokens, and when these came.

    Raises IssuerError or the kin of NetworkError.
    """
    metadata = discover(target.issuer, http)
    auth = ClientAuth(target.client_id, client_secret)
    tokens = _run(target, metadata, auth, http, clock, show)
    received_at = clock.now()
    if tokens.refresh_token is None:
        raise IssuerError(
            "the issuer gave no refresh token, so nothing could keep you logged in",
            hint=f'--scope "{target.scope} offline_access"' if "offline_access" not in target.scope.split() else None,
        )
    subject = None
    if tokens.id_token is not None:
        if metadata.jwks_uri is None:
            raise IssuerError(f"the issuer {printable(metadata.issuer)} does not say where its keys are")
        jwks = http.get(metadata.jwks_uri)
        subject = verify_id_token(
            tokens.id_token, jwks, issuer=metadata.issuer, client_id=target.client_id, now=clock.now()
        )
    login = Login(
        profile=target.name,
        issuer=metadata.issuer,
        generation=0,
        client_id=target.client_id,
        storage_url=target.storage_url,
        scope_asked=target.scope,
        scope=tokens.scope or target.scope,
        subject=subject,
        ca_bundle=target.ca_bundle,
        refresh_token=tokens.refresh_token,
        client_secret=client_secret,
    )
    return login, tokens, received_at


def _run(
    target: Target, metadata: Metadata, auth: ClientAuth, http: Http, clock: Clock, show: Callable[[Prompt], None]
) -> Tokens:
    if metadata.device_authorization_endpoint is None:
        raise IssuerError(f"the issuer {printable(metadata.issuer)} offers no login by device code (RFC 8628)")
    urls = {"device": metadata.device_authorization_endpoint, "token": metadata.token_endpoint}
    flow = device_flow(
        target.scope,
        clock,
        pkce=_new_pkce() if "S256" in metadata.pkce_methods else None,
        client_secret=auth.secret,
    )

    def do(step: Step) -> Result:
        match step:
            case Post(endpoint, form):
                try:
                    return http.post(urls[endpoint], *auth.apply(form, metadata))
                except NetworkError as error:
                    return error
            case Wait(seconds):
                clock.sleep(seconds)
            case Prompt():
                show(step)
        return None

    step = next(flow)
    while True:
        result = do(step)
        try:
            step = flow.send(result)
        except StopIteration as end:
            tokens: Tokens = end.value
            return tokens


def _new_pkce() -> tuple[str, str]:
    verifier = generate_token(_VERIFIER_LENGTH)
    return verifier, create_s256_code_challenge(verifier)
