"""Which client a login is made with: the one that was named, our own of last time, a new one, or a public one."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError, NetworkError, UsageError
from ctaclient_agent.issuer.answers import Failure
from ctaclient_agent.issuer.client_auth import ClientAuth
from ctaclient_agent.login.registration import Registration, describe_client, read_registration, registration_of
from ctaclient_agent.login.secret import find_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctaclient._util.clock import Clock
    from ctaclient_agent.issuer.discovery import Metadata
    from ctaclient_agent.issuer.http import RegistrationHttp
    from ctaclient_agent.login.manner import Flow
    from ctaclient_agent.login.target import Target
    from ctaclient_agent.logins.credentials import Login


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at the issuer. `registration` where we registered it ourselves, `is_new` if that was just now."""

    auth: ClientAuth
    registration: Registration | None = None
    is_new: bool = False

    @classmethod
    def of(cls, registration: Registration, *, is_new: bool) -> Client:
        """A client of our own."""
        return cls(ClientAuth(registration.client_id, registration.secret), registration, is_new)


def named_client(
    target: Target, sealed: Login | None, secret_file: Path | None, ask: Callable[[str], str | None]
) -> Client | None:
    """The client that the user or the profile names, with its secret if it has one; None where nobody named one.

    `sealed` is an earlier login of this issuer. Raises ConfigError or UsageError for a secret that is missing or has
    no client.
    """
    if target.client_id is None:
        if secret_file is not None:
            raise UsageError("a client's secret says nothing without the client", hint="add --client-id ID")
        return None
    known = sealed if sealed and sealed.client_id == target.client_id else None
    return Client(ClientAuth(target.client_id, find_secret(target, secret_file, known, ask)))


def own_client(
    target: Target, sealed: Login | None, metadata: Metadata, flow: Flow, http: RegistrationHttp, clock: Clock
) -> Client:
    """A client where nobody named one: that of the last login, a new one, or the issuer's public one.

    Raises ConfigError when there is none of them, NetworkError when only a new one would do and the issuer is busy.
    """
    if sealed and (registration := registration_of(sealed, flow, clock.now())):
        return Client.of(registration, is_new=False)
    habits = target.habits
    trouble: NetworkError | None = None
    # A public client that is known is used first, unless registering is the issuer's custom.
    wanted = habits.registration if habits.registration is not None else habits.client_id is None
    refusal = "registers nobody by itself"
    if wanted and metadata.registration_endpoint is not None:
        request = describe_client(habits.client_name_prefix, socket.gethostname(), target.scope, flow)
        try:
            answer = _register(request, metadata.registration_endpoint, flow, http, clock)
            if isinstance(answer, Registration):
                return Client.of(answer, is_new=True)
            refusal = f"did not register one: {answer.text}"  # normal: Keycloak trusts no host by default
        except NetworkError as error:
            trouble = error
    if habits.client_id is not None:
        return Client(ClientAuth(habits.client_id))
    if trouble is not None:
        raise trouble
    raise ConfigError(
        f"profile {target.name} has no client id, and the issuer {printable(metadata.issuer)} {refusal}",
        hint="add --client-id ID; those who run the storage know it",
    )


def _register(
    request: dict[str, Any], endpoint: str, flow: Flow, http: RegistrationHttp, clock: Clock
) -> Registration | Failure:
    answer = read_registration(http.post_json(endpoint, request), flow, clock.now())
    if isinstance(answer, Failure) and answer.code == "invalid_client_metadata":
        # Some know only their own scopes, not those of their storages; what is asked for counts at the login.
        request = {name: value for name, value in request.items() if name != "scope"}
        answer = read_registration(http.post_json(endpoint, request), flow, clock.now())
    return answer
