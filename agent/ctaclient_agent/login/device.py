"""The device flow (RFC 8628) without I/O: a generator that yields what to do and is sent what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ctaclient._util.redact import printable
from ctaclient.errors import CtaError, IssuerError, NetworkError, ServerError, TlsError
from ctaclient_agent.issuer.answers import Failure, Tokens, read_failure, read_object, read_tokens, seconds
from ctaclient_agent.issuer.discovery import is_https
from ctaclient_agent.issuer.http import Reply

if TYPE_CHECKING:
    from collections.abc import Generator

    from ctaclient._util.clock import Clock

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_DEFAULT_INTERVAL_S = 5.0
_SLOW_DOWN_S = 5.0
# RFC 8628 3.2 has no default; both Keycloak and IAM say 600 s.
_DEFAULT_LIFE_S = 600.0
# However long the network is away: the user has approved meanwhile, and waits.
_MAX_BACKOFF_S = 30.0
_MAX_ADDRESS = 2048


@dataclass(frozen=True, slots=True)
class Post:
    """Send `form` to an endpoint; the answer is a Reply, or the NetworkError that there was instead."""

    endpoint: Literal["device", "token"]
    form: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Let `seconds` pass; the answer is None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """Show this to the user; the answer is None. All of it may go to a terminal as it is."""

    user_code: str
    verification_uri: str
    complete_uri: str | None
    life_s: float


class Refused(IssuerError):
    """The issuer ended the flow with the OAuth error `code`."""

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None, code: str = "") -> None:
        super().__init__(message, hint=hint, status=status)
        self.code = code


Step = Post | Wait | Prompt
Result = Reply | NetworkError | None


def device_flow(
    scope: str, clock: Clock, *, pkce: tuple[str, str] | None, client_secret: str | None = None
) -> Generator[Step, Result, Tokens]:
    """Drive it with `send`; it returns the tokens, or raises IssuerError or NetworkError kin.

    `pkce` is S256's verifier and challenge, or None: Keycloak demands it here too (KC#9710). `client_secret` is only
    kept out of messages.
    """
    verifier, challenge = pkce or (None, None)
    form = {"scope": scope}
    if challenge:
        form |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    result = yield Post("device", form)
    started = clock.monotonic()
    reply = _reply(result)
    device_code, prompt, interval_s = _read_device_answer(reply, clock.now(), client_secret, verifier)
    yield prompt

    poll = {"grant_type": GRANT, "device_code": device_code, **({"code_verifier": verifier} if verifier else {})}
    wait_s = interval_s
    trouble: NetworkError | None = None

    def backoff() -> float:
        """RFC 8628 3.5: poll less often after a time-out; once more just before the end."""
        left_s = prompt.life_s - (clock.monotonic() - started)
        return max(interval_s, min(wait_s * 2, _MAX_BACKOFF_S, left_s - 1.0))

    while True:
        if clock.monotonic() + wait_s - started > prompt.life_s:
            raise trouble or _expired()
        yield Wait(wait_s)
        result = yield Post("token", poll)
        if isinstance(result, TlsError):
            raise result
        if isinstance(result, NetworkError):
            trouble, wait_s = result, backoff()
            continue
        trouble = None
        answer = read_tokens(_reply(result), clock.now(), device_code, verifier, client_secret)
        if isinstance(answer, Tokens):
            return answer
        if answer.code == "authorization_pending":
            wait_s = interval_s
        elif answer.code == "slow_down":
            interval_s += _SLOW_DOWN_S  # for this and all later polls
            wait_s = interval_s
        elif _is_passing(answer):
            trouble = ServerError(f"the issuer cannot tell now: {answer.text}", status=answer.status)
            wait_s = max(backoff(), answer.retry_after_s or 0.0)
        else:
            raise _ended(answer)


def denied(status: int | None = None) -> IssuerError:
    """The user said no."""
    return IssuerError("the login was denied", hint="ctaclient start-agent", status=status)


def _reply(result: Result) -> Reply:
    if isinstance(result, CtaError):
        raise result
    if result is None:
        raise TypeError("a request is answered with a Reply or an error")
    return result


def _read_device_answer(reply: Reply, now: float, *secrets: str | None) -> tuple[str, Prompt, float]:
    body = read_object(reply)
    if reply.status != 200 or body is None or "error" in body:
        failure = read_failure(reply, now, *secrets)
        if _is_passing(failure):
            raise ServerError(f"the issuer cannot start a login now: {failure.text}", status=reply.status)
        raise _ended(failure)
    device_code, user_code, uri = (body.get(key) for key in ("device_code", "user_code", "verification_uri"))
    # Google says verification_url
    uri = uri if uri is not None else body.get("verification_url")
    if not isinstance(device_code, str) or not device_code or not isinstance(user_code, str) or not user_code.strip():
        raise IssuerError("the issuer's answer to the login request has no device code or no user code")
    if not is_https(uri):
        raise IssuerError(f"the issuer's verification address is not https: {printable(str(uri), limit=100)}")
    if len(str(uri)) > _MAX_ADDRESS:
        raise IssuerError(f"the issuer's verification address is longer than {_MAX_ADDRESS} characters")
    complete = body.get("verification_uri_complete")
    prompt = Prompt(
        user_code=printable(user_code.strip(), limit=64),
        verification_uri=str(uri),
        complete_uri=complete if is_https(complete) and len(str(complete)) <= _MAX_ADDRESS else None,
        life_s=seconds(body.get("expires_in")) or _DEFAULT_LIFE_S,
    )
    return device_code, prompt, seconds(body.get("interval")) or _DEFAULT_INTERVAL_S


def _is_passing(failure: Failure) -> bool:
    if failure.status >= 500 or failure.status in (408, 425, 429):
        return True
    return failure.code in ("temporarily_unavailable", "server_error") or (not failure.code and failure.status == 200)


def _ended(failure: Failure) -> IssuerError:
    if failure.code == "access_denied":
        return denied(failure.status)
    if failure.code == "expired_token":
        return _expired()
    return Refused(f"the issuer refused the login: {failure.text}", status=failure.status, code=failure.code)


def _expired() -> IssuerError:
    return IssuerError("nobody approved the login in time", hint="ctaclient start-agent")
