"""What an HTTP status means, as one of our errors. The reason phrase counts: dCache pools say it nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient import errors
from ctaclient._util.redact import printable, redact

if TYPE_CHECKING:
    import httpx

_RETRYABLE = frozenset({408, 423, 425, 429, 500, 502, 503, 504, 509})
_MAX_BODY_BYTES = 2000


def raise_for_status(response: httpx.Response, doing: str) -> None:
    """Raise for 4xx and 5xx; `doing` says what failed on what, as in `cannot list /a`.

    Reads a little of the body for its text, and leaves closing to the caller.
    """
    if response.status_code >= 400:
        raise error_for_status(response.status_code, f"{doing}: {_said(response)}")


def error_for_status(status: int, message: str) -> errors.CtaError:
    """The error class for `status`, with the hint that goes with it."""
    kind, hint = _KINDS.get(status, (None, None))
    if kind is None:
        kind = errors.ServerError if status >= 500 or status in _RETRYABLE else errors.CtaError
        hint = "try again later" if kind is errors.ServerError else None
    return kind(message, hint=hint, status=status)


_KINDS: dict[int, tuple[type[errors.CtaError], str | None]] = {
    401: (errors.LoginRequired, "no token goes there: name it with --storage-url, or in a profile (start-agent)"),
    403: (errors.Forbidden, "ask for the right, or for a token with the right scope (ctaclient token --format json)"),
    404: (errors.NotFound, None),
    405: (errors.ConflictError, None),
    409: (errors.ConflictError, None),
    412: (errors.Changed, None),
    413: (errors.NoSpace, "the server or a proxy before it limits the size of uploads"),
    423: (errors.ServerError, "somebody else is using it: try again"),
    429: (errors.ServerError, "the server is busy: try again in a minute"),
    501: (errors.ProtocolError, None),
    507: (errors.NoSpace, "free space or ask for quota"),
}


def _said(response: httpx.Response) -> str:
    reason = response.extensions.get("reason_phrase", b"").decode("utf-8", "replace")
    text = b""
    if "html" not in response.headers.get("Content-Type", "") and response.request.method != "HEAD":
        try:
            for block in response.iter_raw(_MAX_BODY_BYTES):
                text += block
                if len(text) >= _MAX_BODY_BYTES:
                    break
        except errors.NetworkError:
            pass  # the status is known; a body that breaks off adds nothing
    words = [part for part in (reason, text.decode("utf-8", "replace").strip()) if part and not part.startswith("<")]
    # Redacted first: half a token, cut off by the limit, would not be known as one.
    said = redact(": ".join(dict.fromkeys(words)), _token_of(response.request))
    return f"{response.status_code} {printable(said, limit=200)}".strip()


def _token_of(request: httpx.Request) -> str:
    """What we sent: some servers repeat it in their answer."""
    value: str = request.headers.get("Authorization", "")
    return value.rpartition(" ")[2]
