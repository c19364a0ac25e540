"""What went wrong with the logins, noted once for each change, as a pure model of the file that holds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctaclient._util.hint import command
from ctaclient._util.redact import printable, redact
from ctaclient.errors import ConfigError
from ctaclient.tokens.login_end import Horizon

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

VERSION = 1
# With messages of 300 characters far below the size that is read at most.
MAX_ERRORS = 100
_MAX_MESSAGE = 300
# The user is told of these without asking.
LOGIN_REQUIRED = "login-required"
ENDS_IN_7_DAYS = "login-ends-in-7-days"
ENDS_IN_1_DAY = "login-ends-in-1-day"
ENDING = (ENDS_IN_7_DAYS, ENDS_IN_1_DAY)
ANNOUNCED = frozenset({LOGIN_REQUIRED, *ENDING})


@dataclass(frozen=True, slots=True)
class NotedError:
    """One thing that went wrong, however often. All `_at` are seconds since the epoch.

    `kind` is a slug of `errors.py` or one of the above; `open` until it is over; `told` once a client call has said it.
    """

    id: int
    kind: str
    message: str
    first_at: float
    last_at: float
    profile: str | None = None
    count: int = 1
    read: bool = False
    open: bool = True
    told: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The error as `agent errors --json` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ErrorList:
    """All that was noted, oldest first, and the end of each login as far as it is known."""

    errors: tuple[NotedError, ...] = ()
    next_id: int = 1
    horizons: Mapping[str, Horizon] = field(default_factory=dict)

    def open_kinds(self, profile: str | None) -> set[str]:
        """What is wrong with `profile` now."""
        return {error.kind for error in self.errors if error.open and error.profile == profile}


def sighted(known: ErrorList, profile: str | None, kind: str, message: str, now: float) -> tuple[ErrorList, bool]:
    """The list after an error was met, and whether that is news.

    An error that is still open is counted, not noted again. So is one that comes back before anybody has read of it,
    unless the user is told of its kind: to come back is a change.
    """
    message = printable(redact(message), limit=_MAX_MESSAGE)
    for error in reversed(known.errors):
        again = error.open or (not error.read and kind not in ANNOUNCED)
        if (error.profile, error.kind) == (profile, kind) and again:
            counted = replace(error, message=message, last_at=now, count=error.count + 1, open=profile is not None)
            return _with(known, counted), False
    # What concerns no profile happens and is over.
    new = NotedError(known.next_id, kind, message, now, now, profile, open=profile is not None)
    errors = _bounded((*known.errors, new))
    return replace(known, errors=errors, next_id=known.next_id + 1), True


def over(known: ErrorList, profile: str | None, kinds: Collection[str] | None = None) -> ErrorList:
    """The list when the troubles of `profile` (of these kinds only, if any are given) have passed."""
    ended = [
        replace(error, open=False)
        for error in known.errors
        if error.open and error.profile == profile and (kinds is None or error.kind in kinds)
    ]
    return _with(known, *ended)


def acknowledged(known: ErrorList, ids: Collection[int] | None) -> tuple[ErrorList, int]:
    """The list when these (or all) were read, and how many were not before."""
    read = [replace(error, read=True) for error in known.errors if not error.read and (ids is None or error.id in ids)]
    return _with(known, *read), len(read)


def to_tell(known: ErrorList, silent: Collection[str | None]) -> list[NotedError]:
    """What the next client call says: open, never said, not read meanwhile. `silent` profiles speak for themselves."""
    return [
        error
        for error in known.errors
        if error.kind in ANNOUNCED and error.open and not (error.told or error.read) and error.profile not in silent
    ]


def told(known: ErrorList, ids: Collection[int]) -> ErrorList:
    """The list when a client call has said these."""
    return _with(known, *(replace(error, told=True) for error in known.errors if error.id in ids))


def to_json(known: ErrorList) -> bytes:
    """The file's content."""
    document = {"version": VERSION, **asdict(known)}
    # Not as escapes, of twelve bytes a character at worst: the file must stay below what is read.
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def parse_errors(data: bytes, where: str) -> ErrorList:
    """The list in `data`. Raises ConfigError, naming `where`, when it is of another version or no list at all."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise _wrong(where, f"has version {printable(str(document['version']), limit=20)}, this knows {VERSION}")
        errors = tuple(_error(each) for each in document["errors"])
        horizons = {
            str(name): Horizon(float(each["ends_at"]), float(each["since"]))
            for name, each in document["horizons"].items()
        }
        return ErrorList(errors, int(document["next_id"]), horizons)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _wrong(where, "is damaged") from None


def _error(each: Mapping[str, Any]) -> NotedError:
    profile = each["profile"]
    return NotedError(
        id=int(each["id"]),
        kind=str(each["kind"]),
        message=str(each["message"]),
        first_at=float(each["first_at"]),
        last_at=float(each["last_at"]),
        profile=None if profile is None else str(profile),
        count=int(each["count"]),
        read=bool(each["read"]),
        open=bool(each["open"]),
        told=bool(each["told"]),
    )


def _with(known: ErrorList, *changed: NotedError) -> ErrorList:
    by_id = {error.id: error for error in changed}
    return replace(known, errors=tuple(by_id.get(error.id, error) for error in known.errors)) if by_id else known


def _bounded(errors: tuple[NotedError, ...]) -> tuple[NotedError, ...]:
    """Without the least interesting: what is over and was read goes first, then what is over, then the oldest."""
    surplus = len(errors) - MAX_ERRORS
    if surplus <= 0:
        return errors
    dull = sorted(errors[:-1], key=lambda error: (error.open, not error.read, error.last_at))[:surplus]
    return tuple(error for error in errors if error not in dull)


def _wrong(where: str, why: str) -> ConfigError:
    return ConfigError(f"{where} {why}", hint=command("rm", where))
