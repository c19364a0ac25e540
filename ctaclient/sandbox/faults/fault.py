"""The model of a fault: which request it waits for, and what goes wrong then."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ctaclient.errors import UsageError

_ALL = None  # any method
_DATA = frozenset({"GET", "PUT"})

# What can go wrong, and with which methods it makes sense: a fault waits until such a request comes.
ACTIONS: dict[str, frozenset[str] | None] = {
    "status": _ALL,  # answer `status`, `reason`, `headers`, `body` and do nothing; `read_body` first or not
    "delay": _ALL,  # wait `seconds` before anything else
    "drop_before": _ALL,  # close without having done anything
    "drop_after": _ALL,  # do the work, close without an answer
    "cut_response": _ALL,  # the head is complete; close after `after_bytes` of the body
    "stall": _ALL,  # stop for `seconds` after `after_bytes` of the body
    "cut_request": frozenset({"PUT", "POST", "PROPFIND"}),  # close after `after_bytes` of the request's body
    "wrong_digest": frozenset({"GET", "HEAD", "PUT", "PROPFIND"}),  # lie in Digest and in Checksums
    "corrupt": _DATA,  # flip one byte: of what is sent, or of what is stored
    "short_store": frozenset({"PUT"}),  # lose the last `after_bytes` of what is stored, and answer 201
    "location": _DATA,  # redirect to `location`
    "no_redirect": _DATA,  # serve the data itself
    "raw_multistatus": frozenset({"PROPFIND"}),  # 207 with `body`
    "truncate_json": frozenset({"GET", "POST"}),  # do the work, answer 200 with half a JSON document
    "html": frozenset({"GET", "POST"}),  # do the work, answer 200 with the page of a captive portal
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault for the next request that matches `method` and `path_part` (a part of the decoded path).

    Which of the other fields count is said in ACTIONS. `body` is text; lone surrogates stand for raw bytes
    (`surrogateescape`). `times` faults of the kind happen one after the other. Raises UsageError for an unknown action.
    """

    action: str
    method: str | None = None
    path_part: str | None = None
    times: int = 1
    status: int = 503
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    read_body: bool = True
    after_bytes: int = 0
    seconds: float = 0
    location: str = ""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise UsageError(f"no such fault: {self.action}", hint=f"one of {', '.join(sorted(ACTIONS))}")

    def matches(self, method: str, path: str) -> bool:
        """Whether it happens to this request; `path` is decoded."""
        methods = ACTIONS[self.action]
        return (
            self.method in (None, method)
            and (self.path_part is None or self.path_part in path)
            and (methods is None or method in methods)
        )

    def to_json(self) -> bytes:
        """The file's content."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Fault:
        """The fault from its file."""
        return cls(**json.loads(data))
