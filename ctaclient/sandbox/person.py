"""What a person in a browser does with the verification page: fill in the code, read, press a button."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from ctaclient._util.redact import printable
from ctaclient.errors import ProtocolError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Form:
    """A form of a page; `buttons` maps what stands on a button to its name and value."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


def approve(verification_uri: str, user_code: str, ca_file: Path, *, deny: bool = False) -> None:
    """Log in: approve (or deny) the device that shows `user_code`.

    Raises UsageError for a plain http address, ProtocolError when the page does not take the code.
    """
    if not verification_uri.startswith("https://"):
        raise UsageError("the verification page must be https")
    context = ssl.create_default_context(cafile=str(ca_file))
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))

    def load(url: str, data: bytes | None = None) -> str:
        with opener.open(url, data, timeout=_TIMEOUT_S) as answer:
            text: str = answer.read().decode()
        return text

    form = parse_form(load(verification_uri))
    form.fields["user_code"] = user_code
    consent = parse_form(load(urljoin(verification_uri, form.action), urlencode(form.fields).encode()))
    wanted = "Deny" if deny else "Approve"
    if wanted not in consent.buttons:
        raise ProtocolError(f"the verification page did not accept the code {printable(user_code, limit=20)}")
    name, value = consent.buttons[wanted]
    data = urlencode({**consent.fields, name: value}).encode()
    load(urljoin(verification_uri, consent.action), data)


def parse_form(page: str) -> Form:
    """The first form of a page. Raises ProtocolError when there is none."""
    parser = _FormParser()
    parser.feed(page)
    if parser.form is None:
        raise ProtocolError("the verification page has no form")
    return parser.form


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self._button: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form = Form(values.get("action", ""))
        elif self.form is not None and tag == "input" and "name" in values:
            self.form.fields[values["name"]] = values.get("value", "")
        elif self.form is not None and tag == "button":
            self._button = (values.get("name", ""), values.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self.form is not None and self._button is not None:
            self.form.buttons[data.strip()] = self._button
            self._button = None
