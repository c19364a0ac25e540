"""Who acts, where, with which token: settings and token discovery put together, without any HTTP.

Apart from `client.py` so that printing a token imports no HTTP stack.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctaclient._util.origin import Origin
from ctaclient._util.redact import printable
from ctaclient.config.file import load
from ctaclient.config.paths import Paths
from ctaclient.config.profiles import BUILTIN
from ctaclient.config.settings import Arguments, Settings, resolve
from ctaclient.control.client import ask
from ctaclient.control.messages import Request
from ctaclient.control.oidc_agent import ask_oidc_agent
from ctaclient.control.whereabouts import sockets
from ctaclient.errors import AgentError, ConfigError, CtaError, LoginRequired, UsageError
from ctaclient.tokens.discovery import discover
from ctaclient.tokens.oidc_agent import OidcAgentToken
from ctaclient.tokens.scoped import ScopedToken, TokenRequest
from ctaclient.tokens.source import StoredToken, check_storage
from ctaclient.tokens.store import TokenStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.source import TokenSource
    from ctaclient.tokens.token import AccessToken


# One request of the agent at its limit of time, after one of somebody else.
_SCOPED_TIMEOUT_S = 65.0


class Identity:
    """What the caller's arguments, environment and `config.toml` say.

    `token` is an access token as an argument; it counts for the selected profile only.
    """

    def __init__(
        self, arguments: Arguments, environ: Mapping[str, str], clock: Clock, *, token: str | None = None
    ) -> None:
        self.paths = Paths.of(environ)
        self.config = load(self.paths.config_file)
        self.store = TokenStore(self.paths.store)
        self.settings = resolve(arguments, environ, self.config)
        self._arguments = arguments
        self._environ = environ
        self._clock = clock
        self._token = token
        self._oidc_agent_tokens: dict[tuple[str, str | None], OidcAgentToken] = {}

    def of_profile(self, name: str | None) -> Settings:
        """The settings of profile `name`, or of the selected one: overrides of the storage URL are its alone."""
        if name is None or name == self.settings.name:
            return self.settings
        environ = {key: value for key, value in self._environ.items() if key != "CTACLIENT_STORAGE_URL"}
        return resolve(replace(self._arguments, profile=name, storage_url=None), environ, self.config)

    def profile_at(self, origin: Origin) -> Settings | None:
        """The profile whose storage is at `origin`: the selected one, else any that is known; None for strangers."""
        names = dict.fromkeys([self.settings.name, *self.config.profiles, *BUILTIN])
        for name in names:
            settings = self.of_profile(name)
            # A profile whose URL is no URL is reported when it is used; it does not stand in the way of the others.
            with contextlib.suppress(UsageError):
                if settings.storage_url.value and Origin.of(settings.storage_url.value) == origin:
                    return settings
        return None

    def token_source(self, settings: Settings) -> TokenSource:
        """Where the tokens for a profile come from. Raises LoginRequired when no step of the discovery has one.

        A token that the caller handed over belongs to the selected profile, a stored one to the storage it was made
        for.
        """
        if settings.name == self.settings.name:
            source = discover(
                self._environ,
                argument=self._token,
                stored=lambda: self.login_source(settings),
                store=self.store,
                storage_overridden=settings.storage_overridden,
                clock=self._clock,
            )
        else:
            source = self.login_source(settings)
        if source:
            return source
        if settings.storage_overridden:
            raise LoginRequired(
                f"the storage URL comes from {settings.storage_url.origin}, and stored tokens do not go there",
                hint="set BEARER_TOKEN_FILE, or make a profile: ctaclient start-agent --storage-url URL …",
            )
        raise LoginRequired(
            f"you are not logged in to profile {settings.name}", hint=f"ctaclient start-agent --profile {settings.name}"
        )

    def token(self, *, min_ttl_s: float = 0, scope: str | None = None, audience: str | None = None) -> AccessToken:
        """A token of the selected profile, as `Client.token` describes it."""
        if scope is None and audience is None:
            return self.token_source(self.settings).get(min_ttl_s=min_ttl_s)
        request = TokenRequest.of(scope, audience)
        return self.scoped_source(self.settings, request).get(min_ttl_s=min_ttl_s)

    def scoped_source(self, settings: Settings, request: TokenRequest) -> TokenSource:
        """Where tokens for a narrower purpose come from: the agent, by the login of the profile.

        Raises LoginRequired when there is none, ConfigError for a profile whose login oidc-agent has.
        """
        if settings.oidc_agent_account.value:
            raise ConfigError(
                f"profile {settings.name} has its tokens from oidc-agent, which are as they are",
                hint="oidc-token --scope … --aud … ACCOUNT",
            )
        if self.login_source(settings) is None:
            raise LoginRequired(
                f"you are not logged in to profile {settings.name}",
                hint=f"ctaclient start-agent --profile {settings.name}",
            )
        return ScopedToken(self.store, settings.name, request, self._ask_for_scoped, self._clock)

    def storage_url(self, settings: Settings) -> str:
        """The storage URL of a profile. Raises ConfigError when it has none."""
        if not settings.storage_url.value:
            raise ConfigError(
                f"profile {settings.name} has no storage URL",
                hint=f"ctaclient start-agent --profile {settings.name} --storage-url URL",
            )
        return settings.storage_url.value

    def login_source(self, settings: Settings) -> TokenSource | None:
        """The profile's own login, whatever the caller handed over, or None.

        Raises LoginRequired for a login that was made for another storage.
        """
        if account := settings.oidc_agent_account.value:
            return self._oidc_agent_token(account, settings.issuer.value)
        record = self.store.record(settings.name)
        if record is None:
            return None
        storage_url = self.storage_url(settings)
        check_storage(record, storage_url)
        return StoredToken(self.store, settings.name, storage_url, self._ask_agent, self._clock)

    def _oidc_agent_token(self, account: str, issuer: str | None) -> OidcAgentToken:
        """One for each account: it keeps the token in memory."""
        key = account, issuer
        if key not in self._oidc_agent_tokens:
            self._oidc_agent_tokens[key] = OidcAgentToken(account, issuer, self._ask_oidc_agent, self._clock)
        return self._oidc_agent_tokens[key]

    def _ask_oidc_agent(self, request: Mapping[str, object]) -> Mapping[str, Any]:
        hint = 'eval "$(oidc-agent-service use)", or remove oidc_agent_account from config.toml'
        socket = self._environ.get("OIDC_SOCK")
        if not socket:
            raise LoginRequired("OIDC_SOCK is not set: no oidc-agent is known here", hint=hint)
        answer = ask_oidc_agent(Path(socket), request)
        if answer is None:
            raise LoginRequired(f"no oidc-agent runs at {socket}", hint=hint)
        return answer

    def _ask_agent(self, profile: str) -> str | None:
        """Why the agent that refreshes has no new token now; None where the store says it all."""
        trouble = None
        for socket in sockets(self.paths.agent_socket, self.paths.store):
            # Whatever is wrong with one: there may be another, and the caller looks at the store again.
            try:
                answer = ask(socket, Request("refresh", profile))
            except AgentError as error:
                trouble = error.message
                continue
            except CtaError:
                continue
            if answer is not None and answer.get("refreshes"):  # an agent of another version may say less
                said = answer.get("last_error") if answer.get("state") != "login_required" else None
                return printable(str(said), limit=300) if said else None
        return trouble

    def _ask_for_scoped(self, profile: str, request: TokenRequest, min_ttl_s: float) -> None:
        scope = " ".join(request.scope) or None
        wish = Request("token", profile, scope, request.audience, min_ttl_s)
        for socket in sockets(self.paths.agent_socket, self.paths.store):
            if ask(socket, wish, timeout_s=_SCOPED_TIMEOUT_S) is not None:
                return
        raise AgentError(
            "no agent runs on this machine, and only it can get such a token",
            hint=f"ctaclient start-agent --profile {profile}",
        )
