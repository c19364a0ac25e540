"""An access token as text (RFC 6750 2.1) and what its claims say, unverified, for messages."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from ctaclient._util.redact import fingerprint, printable
from ctaclient.errors import LoginRequired

_SYNTAX = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_WHITE_SPACE = " \t\n\v\f\r"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token. `expires_at` is seconds since the epoch, or None where nobody said."""

    value: str = field(repr=False)
    expires_at: float | None = None

    def ttl_s(self, now: float) -> float:
        """Seconds of life left; infinite where the end is not known."""
        return float("inf") if self.expires_at is None else self.expires_at - now

    @property
    def fingerprint(self) -> str:
        """What logs may call it."""
        return fingerprint(self.value)


def is_bearer(value: str) -> bool:
    """Whether a header can carry `value` as a bearer token (RFC 6750 2.1)."""
    return _SYNTAX.fullmatch(value) is not None


def parse_token(text: str, where: str) -> AccessToken | None:
    """The token in `text`, or None if that is white space only.

    White space around it is dropped (WLCG bearer token discovery). Raises LoginRequired, naming `where` it came from,
    when it is not a bearer token by RFC 6750: it would break the header it is put into.
    """
    value = token_text(text, where)
    return AccessToken(value, _moment(claims(value).get("exp"))) if value else None


def token_text(text: str, where: str) -> str:
    """The token in `text` as `parse_token` finds it, without a look into it; empty if that is white space only."""
    value = text.strip(_WHITE_SPACE)
    if value and not is_bearer(value):
        raise LoginRequired(f"{where} does not hold an access token", hint=f"correct or remove {where}")
    return value


def claims(value: str) -> dict[str, Any]:
    """The claims of a JWT, **not verified**; empty for an opaque token or anything else."""
    parts = value.split(".")
    if len(parts) != 3:
        return {}
    try:
        decoded = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def explain(token: AccessToken, now: float) -> str:
    """Why a storage may have refused `token`, as far as the token itself tells; empty when it does not."""
    said = claims(token.value)
    if token.expires_at is not None and token.expires_at <= now:
        return f"the token expired {_ago(now - token.expires_at)} ago"
    begin = _moment(said.get("nbf"))
    if begin is not None and begin > now:
        return f"the token is valid only in {_ago(begin - now)}: is this machine's clock right?"
    facts = [f"{name} {printable(_text(said[claim]), limit=80)}" for claim, name in _SHOWN.items() if said.get(claim)]
    return f"the token is for {', '.join(facts)}" if facts else ""


_SHOWN = {"aud": "audience", "iss": "issuer", "scope": "scope"}


def _moment(claim: object) -> float | None:
    """A NumericDate (RFC 7519 2), or None for anything that is no moment."""
    if not isinstance(claim, int | float) or isinstance(claim, bool):
        return None
    try:
        seconds = float(claim)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _text(claim: object) -> str:
    return " ".join(map(str, claim)) if isinstance(claim, list) else str(claim)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
