"""One refresh of one profile, under the profile's lock: re-read, decide, ask, store."""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import fingerprint, printable, redact
from ctaclient.errors import (
    ConfigError,
    ConnectError,
    CtaError,
    IssuerError,
    LoginRequired,
    NetworkError,
    ServerError,
    TlsError,
)
from ctaclient_agent.issuer.answers import Failure, Tokens, read_tokens
from ctaclient_agent.issuer.client_auth import ClientAuth
from ctaclient_agent.issuer.narrowing import is_too_wide, wanted_form
from ctaclient_agent.issuer.send_limit import SendLimit
from ctaclient_agent.issuer.skew import SkewWatch
from ctaclient_agent.logins.seal import NoKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ctaclient._util.clock import Clock
    from ctaclient.tokens.record import Record
    from ctaclient.tokens.scoped import TokenRequest
    from ctaclient_agent.issuer.discovery import Discovery, Metadata
    from ctaclient_agent.issuer.http import Http
    from ctaclient_agent.logins.credentials import Login
    from ctaclient_agent.logins.vault import Stamp, Vault
    from ctaclient_agent.machines.lease import Held, Lease

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new token is in the store: ours, or one that somebody else stored before us."""

    record: Record
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Passing:
    """Not this time. The same refresh token is tried again, so a lost reply is survived where the issuer allows it.

    `is_trouble` is false where another agent does the work.
    """

    reason: str
    retry_after_s: float | None = None
    stamp: Stamp | None = None
    error: CtaError | None = None
    is_trouble: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """The login has ended."""

    reason: str
    stamp: Stamp | None = None


Outcome = Renewed | Passing | Refused

_SCOPED_EVERY_S = 10.0
# RFC 6749 5.2 and RFC 8707 2
_REFUSED_REQUEST = frozenset({"invalid_scope", "invalid_target", "invalid_request"})
# Somebody else was faster: look at what he stored.
_SOON_S = 1.0
_LOST = " (an earlier answer was lost: on the way, or with the agent that had asked)"


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """An answer that is not in the store yet, and the lease under which it was got."""

    login: Login
    tokens: Tokens
    received_at: float
    spending: Lease
    request: TokenRequest | None


class Refresher:
    """Refreshes. Safe to use from one thread per profile at once.

    `open_spending` gives the lease under which a profile's refresh token is spent; `may_refresh` tells whether this
    process is the one that refreshes.
    """

    def __init__(
        self,
        vault: Vault,
        discovery: Discovery,
        open_http: Callable[[str | None], AbstractContextManager[Http]],
        open_spending: Callable[[str], Lease],
        clock: Clock,
        *,
        may_refresh: Callable[[], bool] = lambda: True,
    ) -> None:
        self._vault = vault
        self._discovery = discovery
        self._open_http = open_http
        self._open_spending = open_spending
        self._clock = clock
        self._may_refresh = may_refresh
        self._unsaved: dict[str, _Unsaved] = {}
        self._lost: dict[str, str] = {}
        self._busy = 0
        self._guard = threading.Condition()
        self._skew_watch = SkewWatch()

    def refresh(self, profile: str, *, known: str | None = None) -> Outcome:
        """Get a new token for `profile`.

        `known` is the fingerprint of the token that the caller saw when it decided; another one in the store means that
        somebody else was faster, and nothing is asked.
        """
        return self._guarded(profile, lambda: self._refresh(profile, known))

    def get_scoped(self, profile: str, request: TokenRequest, min_ttl_s: float) -> Outcome:
        """A token for a narrower purpose: the stored one if it lives for `min_ttl_s` more, else a new one."""
        return self._guarded(profile, lambda: self._get_scoped(profile, request, min_ttl_s))

    def keep(self) -> None:
        """Keep others from spending what is spent already while an answer waits to be stored.

        To be called more often than a lease of spending ends: the next try to store may be further away than that.
        """
        with self._guard:
            waiting = list(self._unsaved.values())
        for unsaved in waiting:
            with contextlib.suppress(OSError):  # the store is away for a while, for all others too
                unsaved.spending.renew()

    def wait_idle(self) -> None:
        """Wait until no request is under way, and what came is stored. The requests have limits of their own."""
        with self._guard:
            self._guard.wait_for(lambda: self._busy == 0)

    def store_unsaved(self) -> list[str]:
        """Try once more to store what could not be stored; the profiles whose new refresh token is lost otherwise."""
        with self._guard:
            waiting = list(self._unsaved.values())
        for unsaved in waiting:
            profile = unsaved.login.profile
            self._guarded(profile, lambda unsaved=unsaved: self._store(unsaved))  # type: ignore[misc]
        with self._guard:
            return sorted(self._unsaved)

    def _guarded(self, profile: str, do: Callable[[], Outcome]) -> Outcome:
        with self._guard:
            self._busy += 1
        try:
            return self._locked(profile, do)
        finally:
            with self._guard:
                self._busy -= 1
                self._guard.notify_all()

    def _locked(self, profile: str, do: Callable[[], Outcome]) -> Outcome:
        try:
            with self._vault.lock(profile):
                try:
                    return do()
                except NoKey as error:
                    return self._pass(profile, error.message, error=error)
                except LoginRequired as error:
                    return self._end(profile, None, error.message)
        except CtaError as error:
            return self._pass(profile, error.message, error=error)
        except OSError as error:
            return self._pass(profile, f"the store cannot be used: {_why(error)}")

    def _get_scoped(self, profile: str, request: TokenRequest, min_ttl_s: float) -> Outcome:
        found = self._vault.store.scoped(profile).read(request.key())
        if found is not None and request.is_answered_by(found[0]):
            record, token = found
            now = self._clock.now()
            left_s = token.ttl_s(now) if token else 0.0
            # Who wants more life than the issuer gives does not get it by asking again.
            if left_s > min_ttl_s or (left_s > 0 and 0 <= now - record.issued_at < _SCOPED_EVERY_S):
                return Renewed(record)
        login = self._vault.load(profile)
        if login is None:
            return self._gone(profile)
        if (unsaved := self._unsaved_of(profile)) is not None:
            self._store(unsaved)
            return Passing("a new token is being stored")
        return self._contact(login, request)

    def _refresh(self, profile: str, known: str | None) -> Outcome:
        login = self._vault.load(profile)
        if login is None:
            return self._gone(profile)
        if (unsaved := self._unsaved_of(profile)) is not None:
            return self._store(unsaved)
        record = self._record(profile)
        is_whole = record is not None and record.state == "fresh" and record.generation == login.generation
        if known and record is not None and is_whole and record.token != known:
            return self._renewed(record)
        return self._contact(login, None)

    def _contact(self, login: Login, request: TokenRequest | None) -> Outcome:
        with self._open_http(login.ca_bundle) as http:
            try:
                metadata = self._discovery.look_up(login.issuer, http)
            except (NetworkError, IssuerError) as error:
                # An IssuerError is discovery that breaks the rules: nobody refused the login, somebody may repair it.
                return self._pass(login.profile, error.message, error=error)
            return self._spend(login, metadata, http, request)

    def _spend(self, login: Login, metadata: Metadata, http: Http, request: TokenRequest | None) -> Outcome:
        """Ask for a new token as the only one who does so now, on whatever machine."""
        spending = self._open_spending(login.profile)
        before = spending.look()
        # Noted before it is sent: whoever comes after a crash knows that this refresh token may be spent.
        token = fingerprint(login.refresh_token)
        lost = self._was_lost(login.profile, before, token)
        note: dict[str, Any] = {"token": token, "generation": login.generation, "lost": lost}
        # A token for a narrower purpose is got by whoever was asked for it, on whatever machine.
        if not (request or self._may_refresh()) or not spending.take(note):
            other = before.holder if before and before.holder else "another agent"
            return replace(self._pass(login.profile, f"{other} refreshes this login"), is_trouble=False)
        unsaved = None
        try:
            if self._vault.generation(login.profile) != login.generation:
                return self._overtaken(login.profile)
            limit = SendLimit(spending.left_s() / 2, self._clock)
            answer = self._ask(login, metadata, http, limit, request)
            if isinstance(answer, Tokens):
                if (skewed := self._skew_watch.news(login.profile, answer.skew_s)) is not None:
                    _log.warning("%s: %s", login.profile, skewed)
                unsaved = _Unsaved(login, answer, self._clock.now(), spending, request)
                return self._store(unsaved)
            if answer.final:
                said = f"the issuer ended the login: {answer.text}" + (_LOST if lost else "")
                return self._end(login.profile, login.generation, said)
        except NetworkError as error:
            self._discovery.forget(login.issuer)
            if not isinstance(error, ConnectError | TlsError):
                self._lost[login.profile] = token
            return self._pass(login.profile, error.message, error=error)
        finally:
            if unsaved is None:
                spending.release()
        if answer.status == HTTPStatus.OK:
            self._lost[login.profile] = token  # truncated, or a portal's page: it may have been rotated
        self._discovery.forget(login.issuer)
        trouble: CtaError = ServerError(f"the issuer cannot refresh now: {answer.text}", status=answer.status)
        if request is not None and answer.code in _REFUSED_REQUEST:
            trouble = IssuerError(f"the issuer gives no such token: {answer.text}", status=answer.status)
        return self._pass(login.profile, trouble.message, answer.retry_after_s, trouble)

    def _was_lost(self, profile: str, before: Held | None, token: str) -> bool:
        """Whether an answer to this refresh token was lost: whoever asked has died, or has noted that of one before."""
        if self._lost.get(profile) == token:
            return True
        if before is None or before.note.get("token") != token:
            return False
        return not before.given_up or before.note.get("lost") is True

    def _ask(
        self, login: Login, metadata: Metadata, http: Http, limit: SendLimit, request: TokenRequest | None
    ) -> Tokens | Failure:
        auth = ClientAuth(login.client_id, login.client_secret)
        # Without a scope what was granted stays granted (RFC 6749 6).
        wanted = wanted_form(request, login.audience_parameter) if request else {}
        form, headers = auth.apply(
            {"grant_type": "refresh_token", "refresh_token": login.refresh_token, **wanted}, metadata
        )
        reply = http.post(metadata.token_endpoint, form, headers, limit=limit)
        return read_tokens(reply, self._clock.now(), login.refresh_token, login.client_secret)

    def _store(self, unsaved: _Unsaved) -> Outcome:
        login, tokens, request = unsaved.login, unsaved.tokens, unsaved.request
        with self._guard:
            # Before anything can go wrong: the old refresh token is spent, so this answer is all there is.
            self._unsaved[login.profile] = unsaved
        try:
            # While it is not stored, nobody else may try the refresh token that is spent.
            unsaved.spending.renew()
            if not self._is_current(unsaved):
                # We were stopped for long, and another has followed; or somebody has logged in anew, or out.
                self._forget_unsaved(login.profile)
                return self._overtaken(login.profile)
            if request is None:
                record = self._vault.save(login, tokens, unsaved.received_at)
            else:
                record = self._vault.save_scoped(login, tokens, request, unsaved.received_at)
        except (OSError, CtaError) as error:  # a full disk, an expired Kerberos ticket
            return self._pass(login.profile, f"the new token cannot be stored: {_why(error)}")
        self._forget_unsaved(login.profile)
        _log.info(
            "%s: new access token %s, generation %d, valid for %.0f s",
            login.profile,
            record.token,
            record.generation,
            tokens.life_s,
        )
        if request is not None and (why := is_too_wide(tokens, request)):
            wider = IssuerError(f"the issuer gives a wider token than was asked for: {why}")
            return self._pass(login.profile, wider.message, error=wider)
        return Renewed(record, self._vault.stamp(login.profile))

    def _is_current(self, unsaved: _Unsaved) -> bool:
        """Whether nothing has been stored since `unsaved` was asked for, but perhaps a part of itself.

        Not generations alone: they begin anew after a logout. Raises what keeps the store from being read.
        """
        login, tokens = unsaved.login, unsaved.tokens
        try:
            stored = self._vault.load(login.profile)
        except NoKey:
            raise
        except LoginRequired:
            return True  # damaged: what we have is all there is
        if stored is None:
            return False
        record = self._record(login.profile)
        half_done = (
            stored.generation == login.generation + 1
            and stored.refresh_token == (tokens.refresh_token or login.refresh_token)
            and (record is None or record.generation < stored.generation)
        )
        as_before = stored.generation == login.generation and stored.refresh_token == login.refresh_token
        return as_before or half_done

    def _unsaved_of(self, profile: str) -> _Unsaved | None:
        with self._guard:
            return self._unsaved.get(profile)

    def _forget_unsaved(self, profile: str) -> None:
        with self._guard:
            unsaved = self._unsaved.pop(profile, None)
        if unsaved is not None:
            unsaved.spending.release()

    def _gone(self, profile: str) -> Refused:
        self._forget_unsaved(profile)
        return Refused("there is no login")

    def _record(self, profile: str) -> Record | None:
        """The record; one that is damaged, or of a later version, is written anew and does not stand in the way."""
        try:
            return self._vault.store.record(profile)
        except ConfigError:
            return None

    def _overtaken(self, profile: str) -> Passing:
        passing = self._pass(profile, "the login was renewed by another agent meanwhile", _SOON_S)
        return replace(passing, is_trouble=False)

    def _renewed(self, record: Record) -> Renewed:
        return Renewed(record, self._vault.stamp(record.profile))

    def _pass(
        self, profile: str, reason: str, retry_after_s: float | None = None, error: CtaError | None = None
    ) -> Passing:
        _log.warning("%s: no new token: %s", profile, reason)
        return Passing(reason, retry_after_s, self._vault.stamp(profile), error)

    def _end(self, profile: str, generation: int | None, reason: str) -> Refused:
        _log.warning("%s: login needed: %s", profile, reason)
        try:
            self._vault.require_login(profile, generation, reason)
        except (OSError, CtaError) as error:
            _log.warning("%s: the record cannot be written: %s", profile, _why(error))
        return Refused(reason, self._vault.stamp(profile))


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable(redact(str(error)))
