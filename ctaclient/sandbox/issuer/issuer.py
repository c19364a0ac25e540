"""The issuer: routes, and the answers of each endpoint."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from joserfc.jwk import ECKey

from ctaclient.sandbox.issuer import page
from ctaclient.sandbox.issuer.authorization import AuthorizationCodes, allows_redirect
from ctaclient.sandbox.issuer.client import authenticate
from ctaclient.sandbox.issuer.device import DeviceCodes
from ctaclient.sandbox.issuer.family import Families
from ctaclient.sandbox.issuer.grant import Grant, check_scope, narrow_scope
from ctaclient.sandbox.issuer.metadata import DEVICE_GRANT, describe_issuer
from ctaclient.sandbox.issuer.oauth_error import OAuthError
from ctaclient.sandbox.issuer.registration import Clients
from ctaclient.sandbox.serving.answer import Answer, Refusal
from ctaclient.sandbox.serving.exchange import first_values
from ctaclient.sandbox.signing import ANY_AUDIENCE, Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctaclient.sandbox.config import Client, Config
    from ctaclient.sandbox.serving.exchange import Exchange

    Form = dict[str, str]

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url


class Issuer:
    """The application behind the issuer's server."""

    server_header = "ctaclient sandbox"

    def __init__(self, config: Config) -> None:
        options = config.options
        assert config.signing_key is not None
        self._url = config.urls["issuer"]
        self._options = options
        self._jwks = config.jwks
        self._clients = Clients(config.clients, self._url)
        self._signer = Signer(self._url, ECKey.import_key(config.signing_key))
        self._codes = DeviceCodes(options.device_code_lifetime_s, options.device_interval_s, time.monotonic)
        self._logins = AuthorizationCodes(self._url, time.monotonic)
        self._families = Families(
            rotate=options.rotate_refresh_tokens, grace_s=options.refresh_grace_s, monotonic=time.monotonic
        )
        self._routes: dict[tuple[str, str], Callable[[Exchange], Answer]] = {
            ("GET", "/.well-known/openid-configuration"): lambda _: _json(describe_issuer(self._url)),
            ("GET", "/jwks"): lambda _: _json(self._jwks),
            ("POST", "/device_authorization"): self._start_device_flow,
            ("POST", "/token"): self._give_tokens,
            ("POST", "/revoke"): self._revoke,
            ("POST", "/register"): self._register,
            ("DELETE", "/register/"): self._delete_client,
            ("GET", "/authorize"): self._show_login,
            ("POST", "/authorize"): self._answer_login,
            ("GET", "/device"): self._show_page,
            ("POST", "/device"): self._answer_page,
        }

    def answer(self, exchange: Exchange) -> Answer:
        """Route the request; OAuth errors become JSON."""
        # What comes after /register/ names a client.
        path = "/register/" if exchange.path.startswith("/register/") else exchange.path
        route = self._routes.get((exchange.method, path))
        if route is None:
            known = {path for _, path in self._routes}
            raise Refusal(405 if path in known else 404)
        try:
            return route(exchange)
        except OAuthError as error:
            challenge = {"WWW-Authenticate": 'Basic realm="ctaclient sandbox"'} if error.status == 401 else {}
            return _json(error.to_dict(), status=error.status, headers={**_NO_STORE, **challenge})

    def disconnected(self, connection: int) -> None:
        """Nothing here belongs to a connection."""

    def _start_device_flow(self, exchange: Exchange) -> Answer:
        form, client = self._open(exchange)
        if not client.device_flow:
            raise OAuthError("unauthorized_client", "Client is not allowed to use the device flow")
        grant = Grant(client.id, check_scope(form.get("scope", "")), form.get("audience") or form.get("resource"))
        device_code, code = self._codes.start(grant, self._challenge(form))
        answer: dict[str, Any] = {
            "device_code": device_code,
            "user_code": code.user_code,
            "verification_uri": f"{self._url}/device",
            "verification_uri_complete": f"{self._url}/device?user_code={code.user_code}",
            "expires_in": int(self._options.device_code_lifetime_s),
        }
        if self._options.device_interval_s is not None:
            answer["interval"] = self._options.device_interval_s
        return _json(answer, headers=_NO_STORE)

    def _challenge(self, form: Form) -> str | None:
        """The S256 challenge; Keycloak's words where one is demanded and missing (agent.md 3)."""
        challenge, method = form.get("code_challenge"), form.get("code_challenge_method")
        if challenge is None and method is None and not self._options.require_pkce:
            return None
        if method is None:
            raise OAuthError("invalid_request", "Missing parameter: code_challenge_method")
        if method != "S256":
            raise OAuthError("invalid_request", "Invalid parameter: code_challenge_method")
        if challenge is None:
            raise OAuthError("invalid_request", "Missing parameter: code_challenge")
        if not _CHALLENGE.fullmatch(challenge):
            raise OAuthError("invalid_request", "Invalid parameter: code_challenge")
        return challenge

    def _give_tokens(self, exchange: Exchange) -> Answer:
        form, client = self._open(exchange)
        match form.get("grant_type"):
            case None:
                raise OAuthError("invalid_request", "Missing form parameter: grant_type")
            case "refresh_token":
                return self._refresh(form, client)
            case "authorization_code":
                return self._redeem_code(form, client)
            case kind if kind == DEVICE_GRANT:
                return self._redeem_device_code(form, client)
            case _:
                raise OAuthError("unsupported_grant_type", "Unsupported grant_type")

    def _redeem_device_code(self, form: Form, client: Client) -> Answer:
        if not client.device_flow:
            raise OAuthError("unauthorized_client", "Client is not allowed to use the device flow")
        return self._first_tokens(
            self._codes.redeem(_required(form, "device_code"), client.id, form.get("code_verifier"))
        )

    def _redeem_code(self, form: Form, client: Client) -> Answer:
        code, redirect_uri = _required(form, "code"), _required(form, "redirect_uri")
        return self._first_tokens(self._logins.redeem(code, client.id, redirect_uri, form.get("code_verifier")))

    def _first_tokens(self, grant: Grant) -> Answer:
        refresh_token = self._families.start(grant) if "offline_access" in grant.scopes else None
        return self._tokens(grant, grant.scope, refresh_token)

    def _refresh(self, form: Form, client: Client) -> Answer:
        token = _required(form, "refresh_token")
        known = self._families.grant_of(token)
        if known is not None:
            narrow_scope(known.scope, form.get("scope"))  # before the token is spent
        grant, successor = self._families.redeem(token, client.id)
        return self._tokens(grant, narrow_scope(grant.scope, form.get("scope")), successor, form.get("audience"))

    def _tokens(self, grant: Grant, scope: str, refresh_token: str | None, audience: str | None = None) -> Answer:
        now, lifetime_s = time.time(), self._options.access_token_lifetime_s
        answer: dict[str, Any] = {
            "access_token": self._signer.access_token(
                client_id=grant.client_id,
                scope=scope,
                audience=audience or grant.audience or ANY_AUDIENCE,
                issued_at=now,
                not_before=now - self._options.not_before_backdate_s,
                lifetime_s=lifetime_s,
            ),
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "scope": scope,
        }
        if "openid" in scope.split():
            answer["id_token"] = self._signer.id_token(client_id=grant.client_id, issued_at=now, lifetime_s=lifetime_s)
        if refresh_token is not None:
            answer["refresh_token"] = refresh_token
            if self._options.login_lifetime_s is not None:
                answer["refresh_expires_in"] = self._options.login_lifetime_s
        return _json(answer, headers=_NO_STORE)

    def _revoke(self, exchange: Exchange) -> Answer:
        form, client = self._open(exchange)
        self._families.revoke(_required(form, "token"), client.id)
        return Answer(200, headers=_NO_STORE)

    def _register(self, exchange: Exchange) -> Answer:
        if not self._options.registration:
            raise OAuthError("insufficient_scope", "Policy 'Trusted Hosts' rejected request", status=403)
        try:
            metadata = json.loads(exchange.body.read_all())
        except ValueError:
            metadata = None
        if not isinstance(metadata, dict):
            raise OAuthError("invalid_client_metadata", "The body is no JSON object")
        return _json(self._clients.register(metadata), status=201, headers=_NO_STORE)

    def _delete_client(self, exchange: Exchange) -> Answer:
        client_id = exchange.path.removeprefix("/register/")
        self._clients.delete(client_id, exchange.header("Authorization"))
        self._families.end_all(client_id)  # RFC 7592 2.3
        return Answer(204, headers=_NO_STORE)

    def _show_login(self, exchange: Exchange) -> Answer:
        asked = exchange.parameters()
        client = self._clients.get(asked.get("client_id", ""))
        redirect_uri, state = asked.get("redirect_uri", ""), asked.get("state", "")
        if client is None or not allows_redirect(client.redirect_uris, redirect_uri):
            # RFC 6749 4.1.2.1: nobody is sent to an address that is not the client's
            return _html(page.complain("The program that sent you here is not known, or not at this address."), 400)
        try:
            if asked.get("response_type") != "code":
                raise OAuthError("unsupported_response_type", "Only code")
            challenge = self._challenge(asked)
            if challenge is None:
                raise OAuthError("invalid_request", "Missing parameter: code_challenge_method")
            grant = Grant(
                client.id, check_scope(asked.get("scope", "")), asked.get("audience") or asked.get("resource")
            )
        except OAuthError as error:
            answer = self._logins.redirect(redirect_uri, state, error=error.code, error_description=error.description)
            return Answer(302, headers={"Location": answer, **_NO_STORE})
        number, request = self._logins.start(grant, redirect_uri, state, challenge)
        return _html(page.ask_for_login(client.id, grant.scope.split(), number, request.csrf))

    def _answer_login(self, exchange: Exchange) -> Answer:
        form = _read_form(exchange)
        approve = form.get("decision") == "approve"
        answer = self._logins.decide(form.get("request", ""), form.get("csrf", ""), approve=approve)
        if answer is None:
            return _html(page.complain("That did not work. Please start again."), 403)
        return Answer(302, headers={"Location": answer, **_NO_STORE})

    def _show_page(self, exchange: Exchange) -> Answer:
        return _html(page.ask_for_code(exchange.parameters().get("user_code", "")))

    def _answer_page(self, exchange: Exchange) -> Answer:
        form = _read_form(exchange)
        user_code = form.get("user_code", "")
        code = self._codes.find(user_code)
        if code is None:
            return _html(page.ask_for_code(user_code, complaint="This code is not known, or it has expired."))
        if "decision" not in form:
            scopes = code.grant.scope.split()
            return _html(page.ask_for_consent(code.user_code, code.grant.client_id, scopes, code.csrf))
        approve = form["decision"] == "approve"
        if not self._codes.decide(code, form.get("csrf", ""), approve=approve):
            return _html(page.ask_for_code(user_code, complaint="That did not work. Please start again."), status=403)
        return _html(page.show_result(approved=approve))

    def _open(self, exchange: Exchange) -> tuple[Form, Client]:
        form = _read_form(exchange)
        return form, authenticate(self._clients, exchange.header("Authorization"), form)


def _read_form(exchange: Exchange) -> Form:
    try:
        return first_values(exchange.body.read_all().decode())
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "The body is not UTF-8") from None


def _required(form: Form, name: str) -> str:
    value = form.get(name)
    if not value:
        raise OAuthError("invalid_request", f"Missing parameter: {name}")
    return value


def _json(document: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps(document).encode()
    return Answer(status, headers={"Content-Type": "application/json", **(headers or {})}, body=body)


def _html(text: str, status: int = 200) -> Answer:
    return Answer(status, headers=page.HEADERS, body=text.encode())
