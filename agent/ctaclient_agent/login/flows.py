"""A login: runs a flow's generator over HTTP and checks what came of it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from ctaclient._util.redact import printable
from ctaclient.errors import IssuerError, NetworkError, TlsError
from ctaclient_agent.login.code_flow import Browse, CodeRequest, Listen, code_flow
from ctaclient_agent.login.device import Post, Prompt, Wait, device_flow
from ctaclient_agent.login.ending import discard
from ctaclient_agent.login.idtoken import verify_id_token
from ctaclient_agent.login.loopback import Loopback
from ctaclient_agent.logins.credentials import Login

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from ctaclient._util.clock import Clock
    from ctaclient_agent.issuer.answers import Tokens
    from ctaclient_agent.issuer.discovery import Metadata
    from ctaclient_agent.issuer.http import Http, Reply
    from ctaclient_agent.login.client import Client
    from ctaclient_agent.login.manner import Flow
    from ctaclient_agent.login.target import Target

    Show = Callable[[Prompt | Browse], None]

_PATIENCE_S = (1.0, 2.0, 4.0, 8.0)
_VERIFIER_LENGTH = 64  # RFC 7636 4.1: 43 to 128


def log_in(
    target: Target, client: Client, metadata: Metadata, flow: Flow, http: Http, clock: Clock, show: Show
) -> tuple[Login, Tokens, float]:
    """The login that the user approved, not stored anywhere yet, its tokens, and when these came.

    `show` is told what to show to the user. Raises IssuerError or the kin of NetworkError.
    """
    run = _by_code if flow == "code" else _by_device
    tokens = run(target, client, metadata, http, clock, show)
    received_at = clock.now()
    try:
        return _checked(target, client, metadata, tokens, http, clock), tokens, received_at
    except BaseException:
        throw_away(tokens, target, client, metadata, http)
        raise


def throw_away(tokens: Tokens, target: Target, client: Client, metadata: Metadata, http: Http) -> None:
    """Revoke the tokens of a login that is not kept, where that ends no other login of the user."""
    if client.is_new or not target.habits.revocation_ends_all:
        discard(tokens, client.auth, metadata, http)


def _checked(target: Target, client: Client, metadata: Metadata, tokens: Tokens, http: Http, clock: Clock) -> Login:
    """The login that `tokens` make. Raises IssuerError or the kin of NetworkError when they make none."""
    if tokens.refresh_token is None:
        raise IssuerError(
            "the issuer gave no refresh token, so nothing could keep you logged in",
            hint=f'--scope "{target.scope} offline_access"' if "offline_access" not in target.scope.split() else None,
        )
    subject = None
    if tokens.id_token is not None:
        if metadata.jwks_uri is None:
            raise IssuerError(f"the issuer {printable(metadata.issuer)} does not say where its keys are")
        jwks = _get_patiently(metadata.jwks_uri, http, clock)
        # By the issuer's own clock: the token came straight from there (OpenID Connect Core 3.1.3.7, point 6), so on
        # ours its age would tell nothing but how far the two are apart.
        now = clock.now() + tokens.skew_s
        subject = verify_id_token(
            tokens.id_token, jwks, issuer=metadata.issuer, client_id=client.auth.client_id, now=now
        )
    registered = client.registration
    return Login(
        profile=target.name,
        issuer=metadata.issuer,
        generation=0,
        client_id=client.auth.client_id,
        storage_url=target.storage_url,
        scope_asked=target.scope,
        scope=tokens.scope or target.scope,
        subject=subject,
        ca_bundle=target.ca_bundle,
        refresh_token=tokens.refresh_token,
        client_secret=client.auth.secret,
        client_secret_expires_at=registered.secret_expires_at if registered else None,
        registered_for=registered.flow if registered else None,
        registration_uri=registered.uri if registered else None,
        registration_token=registered.token if registered else None,
        audience_parameter=target.habits.audience_parameter,
    )


def _by_device(target: Target, client: Client, metadata: Metadata, http: Http, clock: Clock, show: Show) -> Tokens:
    if metadata.device_authorization_endpoint is None:
        raise IssuerError(
            f"the issuer {printable(metadata.issuer)} offers no login by device code (RFC 8628)",
            hint="ctaclient start-agent --flow code" if metadata.authorization_endpoint else None,
        )
    pkce = _new_pkce() if "S256" in metadata.pkce_methods else None
    return _drive(
        device_flow(target.scope, clock, pkce=pkce, client_secret=client.auth.secret),
        lambda step: _do(step, client, metadata, http, clock, show),
    )


def _by_code(target: Target, client: Client, metadata: Metadata, http: Http, clock: Clock, show: Show) -> Tokens:
    verifier, challenge = _new_pkce()
    with Loopback(clock) as loopback:
        request = CodeRequest(
            client_id=client.auth.client_id,
            scope=target.scope,
            redirect_uri=loopback.redirect_uri,
            state=secrets.token_urlsafe(24),
            verifier=verifier,
            challenge=challenge,
        )

        def do(step: Any) -> Any:
            if isinstance(step, Listen):
                return loopback.wait(request.is_answer, step.seconds)
            return _do(step, client, metadata, http, clock, show)

        return _drive(code_flow(request, metadata, clock, client_secret=client.auth.secret), do)


def _do(step: Any, client: Client, metadata: Metadata, http: Http, clock: Clock, show: Show) -> Any:
    """Do what any flow asks for."""
    match step:
        case Post(endpoint, form):
            urls = {"device": metadata.device_authorization_endpoint, "token": metadata.token_endpoint}
            try:
                return http.post(str(urls[endpoint]), *client.auth.apply(form, metadata))
            except NetworkError as error:
                return error
        case Wait(seconds):
            clock.sleep(seconds)
        case Prompt() | Browse():
            show(step)
    return None


def _drive(flow: Generator[Any, Any, Tokens], do: Callable[[Any], Any]) -> Tokens:
    step = next(flow)
    while True:
        result = do(step)
        try:
            step = flow.send(result)
        except StopIteration as end:
            tokens: Tokens = end.value
            return tokens


def _get_patiently(url: str, http: Http, clock: Clock) -> Reply:
    """The answer to a GET that a passing fault must not end: somebody has approved, and is not to do it twice."""
    for wait_s in _PATIENCE_S:
        try:
            reply = http.get(url)
        except TlsError:
            raise
        except NetworkError:
            reply = None
        if reply is not None and reply.status < 500 and reply.status != 429:
            return reply
        clock.sleep(wait_s)
    return http.get(url)


def _new_pkce() -> tuple[str, str]:
    verifier = generate_token(_VERIFIER_LENGTH)
    return verifier, create_s256_code_challenge(verifier)
