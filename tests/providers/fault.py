"""What can go wrong between a client and an issuer, and the record of each request as both sides saw it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Action = Literal[
    "answer",  # the layer answers with `status`, `headers`, `body`; the issuer hears nothing
    "drop_before",  # the connection ends; the issuer hears nothing
    "hang",  # silence until the faults are cleared; the issuer hears nothing
    "drop_after",  # the issuer has answered; the connection ends without a byte of it
    "cut",  # the connection ends after half of the answer's body
    "truncate",  # a whole answer, with half of the JSON in it
    "html",  # the issuer has answered; a captive portal's page comes instead, with 200
]
BEFORE = frozenset({"answer", "drop_before", "hang"})
PORTAL = b"<!DOCTYPE html><html><title>Guest Wi-Fi</title><body>Please sign in.</body></html>\n"
HTML = {"Content-Type": "text/html; charset=utf-8"}
REFRESH, DEVICE = "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault for requests whose path contains `path_part`, and whose form has this `grant` if one is given.

    It happens `times` times, or until it is cleared where that is None. `{refresh_token}` in `body` becomes the one
    that came in, as INDIGO IAM does.
    """

    action: Action
    path_part: str = "/token"
    grant: str | None = None
    times: int | None = 1
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def matches(self, path: str, form: Mapping[str, str]) -> bool:
        """Whether it is for this request."""
        return self.path_part in path and self.grant in (None, form.get("grant_type"))


def unavailable(*, retry_after: str | None = None, times: int | None = 1) -> Fault:
    """503 at the token endpoint."""
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return Fault("answer", times=times, headers=headers, body="<h1>Service Unavailable</h1>")


def oauth_error(
    code: str, *, status: int = 400, description: str = "", grant: str | None = None, times: int | None = 1
) -> Fault:
    """An error of RFC 6749 5.2 at the token endpoint."""
    body = json.dumps({"error": code, "error_description": description or f"scripted {code}"})
    headers = {"Content-Type": "application/json"}
    return Fault("answer", grant=grant, times=times, status=status, headers=headers, body=body)


@dataclass(slots=True)
class Exchange:
    """One request. Times are of the monotonic clock; `issuer_status` is None where the issuer did not hear of it,
    `client_status` where the client got no answer."""

    method: str
    path: str
    form: Mapping[str, str] = field(repr=False)
    asked_at_s: float
    fault: str | None = None
    issuer_status: int | None = None
    client_status: int | None = None
    ended_at_s: float | None = None
