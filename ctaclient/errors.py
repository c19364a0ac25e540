"""The error tree: each class says its slug, its exit code and whether trying again can help.

::

    CtaError                        1
    ├── Interrupted                 130
    ├── UsageError                  2    (ValueError)
    ├── ConfigError                 2    settings that contradict each other or cannot be read
    ├── SomeItemsFailed             3    the others are done
    ├── AuthError                   4
    │   ├── LoginRequired                no token, or the login has ended: start-agent
    │   ├── TokenRejected                the storage said 401 to a token, twice
    │   ├── Forbidden                    logged in, and denied (PermissionError)
    │   └── IssuerError                  the identity provider refused, or broke the protocol
    ├── UnsafePath                  4    a private file that others could read or replace
    ├── NotFound                    5    (FileNotFoundError)
    ├── ConflictError               6
    │   ├── Exists                       (FileExistsError)
    │   └── Changed                      the thing is no longer what we looked at
    ├── NetworkError                7    retry helps
    │   ├── ConnectError                 refused, unknown host, unreachable
    │   ├── Timeout                      (TimeoutError)
    │   ├── Disconnected                 the connection ended in the middle
    │   ├── TlsError                     never retried blindly
    │   ├── ServerError                  5xx, 429 and their kin
    │   ├── ProtocolError                an answer that HTTP, WebDAV or we do not allow
    │   └── AgentError                   the running agent did not answer
    ├── IntegrityError              8    size or checksum differ
    ├── Nearline                    9    on tape, not staged
    └── NoSpace                     10   quota or space, here or there

The page of errors in the docs is made from this file.
"""

from __future__ import annotations

from typing import Any, ClassVar

EXIT_CODES = {
    0: "ok",
    1: "something else",
    2: "usage: an argument or a setting cannot be meant",
    3: "some items failed, the others are done",
    4: "login needed, or the token was refused",
    5: "not found",
    6: "exists, or changed: a conflict",
    7: "network, TLS or server; trying again helps where the table below says so",
    8: "integrity: size or checksum differ",
    9: "on tape, not staged",
    10: "quota or space",
    130: "interrupted",
    143: "terminated by SIGTERM, after cleaning up",
}


class CtaError(Exception):
    """Base of all errors of this package.

    `str()` is one line: what failed, on what, why. `hint` is what to type next, or None. `status` is the HTTP status
    that led here, or None. Neither holds a secret: URLs come without query, server text is redacted.
    """

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # OSError kin would otherwise be rebuilt from (errno, strerror) and lose the message.
        return _rebuild, (type(self), self.message, self.hint, self.status)

    def to_dict(self) -> dict[str, Any]:
        """The error as it stands in `--json`."""
        return {
            "error": self.slug,
            "message": self.message,
            "hint": self.hint,
            "status": self.status,
            "exit_code": self.exit_code,
            "retryable": self.retryable,
        }


def _rebuild(cls: type[CtaError], message: str, hint: str | None, status: int | None) -> CtaError:
    return cls(message, hint=hint, status=status)


class Interrupted(CtaError):
    """The user stopped it."""

    slug = "interrupted"
    exit_code = 130


class UsageError(CtaError, ValueError):
    """An argument that cannot be meant."""

    slug = "usage"
    exit_code = 2


class ConfigError(CtaError):
    """A setting is missing, unreadable or contradicts another."""

    slug = "config"
    exit_code = 2


class SomeItemsFailed(CtaError):
    """Some items of a transfer or a listing failed; the others are done."""

    slug = "some-items-failed"
    exit_code = 3


class AuthError(CtaError):
    """Login needed, or the token was refused."""

    slug = "auth"
    exit_code = 4


class LoginRequired(AuthError):
    """There is no token, it has expired, or the login has ended."""

    slug = "login-required"


class TokenRejected(AuthError):
    """The storage answered 401 to a token, and to its successor."""

    slug = "token-rejected"


class Forbidden(AuthError, PermissionError):
    """The storage knows who we are, and says no (403)."""

    slug = "forbidden"


class IssuerError(AuthError):
    """The identity provider refused the request or broke the protocol."""

    slug = "issuer"


# After one of these no other item of a tree, and no other name, can fare better: they end it all.
LOGIN_LOST = (LoginRequired, TokenRejected)


class UnsafePath(CtaError):
    """A private file or directory that others could read or replace."""

    slug = "unsafe-path"
    exit_code = 4


class NotFound(CtaError, FileNotFoundError):
    """It is not there."""

    slug = "not-found"
    exit_code = 5


class ConflictError(CtaError):
    """What is there stands in the way."""

    slug = "conflict"
    exit_code = 6


class Exists(ConflictError, FileExistsError):
    """The target exists and differs; `--overwrite` replaces it."""

    slug = "exists"


class Changed(ConflictError):
    """The thing changed while it was being read, sent or replaced."""

    slug = "changed"


class NetworkError(CtaError):
    """Network or server trouble: trying again may help."""

    slug = "network"
    exit_code = 7
    retryable = True


class ConnectError(NetworkError):
    """No connection: refused, unknown host, unreachable."""

    slug = "connect"


class Timeout(NetworkError, TimeoutError):
    """Nothing happened for too long."""

    slug = "timeout"


class Disconnected(NetworkError):
    """The connection ended in the middle."""

    slug = "disconnected"


class TlsError(NetworkError):
    """The other side could not prove who it is."""

    slug = "tls"
    retryable = False


class ServerError(NetworkError):
    """The server could not do it now (5xx, 408, 423, 425, 429)."""

    slug = "server"


class ProtocolError(NetworkError):
    """An answer that the protocol, or our safety rules, do not allow."""

    slug = "protocol"
    retryable = False


class AgentError(NetworkError):
    """The running agent did not answer as agreed."""

    slug = "agent"


class IntegrityError(CtaError):
    """Size or checksum differ: the copy is not the original."""

    slug = "integrity"
    exit_code = 8


class Nearline(CtaError):
    """The file is on tape only; reading it would wait for a recall."""

    slug = "nearline"
    exit_code = 9


class NoSpace(CtaError):
    """Quota or space is used up, on the server or on this disk."""

    slug = "no-space"
    exit_code = 10
