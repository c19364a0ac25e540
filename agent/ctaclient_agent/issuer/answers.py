"""What a token endpoint's answer means. Pure: any bytes become `Tokens` or a `Failure`, never an exception."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ctaclient._util.redact import printable, redact
from ctaclient.tokens.token import claims, is_bearer
from ctaclient_agent.issuer.skew import clock_skew_s

if TYPE_CHECKING:
    from ctaclient_agent.issuer.http import Reply

# After a refresh that names no end, as Pelican does; without it an agent would refresh all the time (agent.md 1).
DEFAULT_LIFE_S = 300.0
_MAX_LIFE_S = 10 * 365 * 86_400.0
_MAX_RETRY_AFTER_S = 3600.0
# Only these end a login. INDIGO IAM says 401 invalid_token for an unknown refresh token (agent.md 0.6).
_FINAL = frozenset({"invalid_grant", "invalid_token", "invalid_client", "unauthorized_client"})
CLIENT_REFUSED = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class Tokens:
    """A token answer. `life_s` counts from its receipt; `scope` is None where it is as asked.

    `login_life_s` is the refresh token's life, None where the issuer names no end; `skew_s` is by how much the issuer's
    clock is ahead of ours.
    """

    access_token: str = field(repr=False)
    life_s: float
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    id_token: str | None = field(default=None, repr=False)
    login_life_s: float | None = None
    skew_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """No tokens. `code` is OAuth's error code or empty; `text` may be shown; `final`: asking again cannot help."""

    code: str
    text: str
    status: int
    final: bool = False
    retry_after_s: float | None = None


def read_tokens(reply: Reply, now: float, *secrets: str | None) -> Tokens | Failure:
    """The meaning of a token endpoint's `reply`; `secrets` are kept out of the failure's text."""
    body = read_object(reply)
    if reply.status != 200 or body is None or "error" in body:
        return read_failure(reply, now, *secrets)
    token, kind = body.get("access_token"), body.get("token_type")
    if not isinstance(token, str) or not is_bearer(token):
        return _broken(reply, "it has no access token that a header can carry")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return _broken(reply, f"its token type is {printable(redact(str(kind), *secrets), limit=40)}, not Bearer")
    scope = body.get("scope")
    skew_s = clock_skew_s(reply.headers.get("date"), now)
    return Tokens(
        access_token=token,
        life_s=_life_s(body.get("expires_in"), token, now + skew_s),
        refresh_token=_text(body.get("refresh_token")),
        scope=" ".join(scope.split()) if isinstance(scope, str) and scope.strip() else None,
        id_token=_text(body.get("id_token")),
        login_life_s=_login_life_s(body),
        skew_s=skew_s,
    )


def read_failure(reply: Reply, now: float, *secrets: str | None) -> Failure:
    """What an answer without success says."""
    body = read_object(reply) or {}
    code = body.get("error")
    code = code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else ""
    described = body.get("error_description")
    words = [code or f"HTTP {reply.status}"]
    if isinstance(described, str) and described:
        # INDIGO IAM repeats the refresh token here
        words.append(printable(redact(described, *secrets), limit=200))
    return Failure(
        code=code,
        text=": ".join(words),
        status=reply.status,
        final=code in _FINAL and reply.status in (400, 401, 403),
        # A date here is by the issuer's clock, as the one beside it.
        retry_after_s=retry_after_s(
            reply.headers.get("retry-after"), now + clock_skew_s(reply.headers.get("date"), now)
        ),
    )


def read_object(reply: Reply) -> dict[str, Any] | None:
    """The JSON object in `reply`, or None: HTML, a truncated body and anything else that is no object."""
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def retry_after_s(value: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 10.2.3), at most an hour; None when it says nothing."""
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        seconds = float(value)
    else:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)


def seconds(value: object) -> float | None:
    """A positive number of seconds as servers write it (number or digits), or None."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= _MAX_LIFE_S and math.isfinite(value) else None


def _life_s(expires_in: object, token: str, now: float) -> float:
    if (said := seconds(expires_in)) is not None:
        return said
    end = claims(token).get("exp")
    left = seconds(end - now) if isinstance(end, int | float) and abs(end) < 1e15 else None
    return left if left is not None else DEFAULT_LIFE_S


def _login_life_s(body: dict[str, Any]) -> float | None:
    # Keycloak's word (its 0 means: no known end, KC#48063), and that of GitHub and others. No RFC has one.
    ends = (seconds(body.get(name)) for name in ("refresh_expires_in", "refresh_token_expires_in"))
    return next((each for each in ends if each is not None), None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _broken(reply: Reply, why: str) -> Failure:
    return Failure("", f"the answer is not usable: {why}", reply.status)
