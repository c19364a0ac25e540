"""What a person does with the issuers' pages, as their browser does it: cookies, redirects, forms, buttons."""

from __future__ import annotations

import html
import re
import ssl
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPSHandler, ProxyHandler, build_opener

from ctaclient.sandbox.person import parse_form

if TYPE_CHECKING:
    from pathlib import Path

NAME = "astronomer"  # the sandbox's person is called so, too
_TIMEOUT_S = 30.0


class Browser:
    """A browser that has been nowhere yet. `page` is what it shows."""

    def __init__(self, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        # A session of one's own for each person: nobody is logged in by somebody else's cookie.
        self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context), HTTPCookieProcessor(CookieJar()))
        self._url = ""
        self.page = ""

    def open(self, url: str, data: bytes | None = None) -> None:
        """Go to `url`. Raises HTTPError for an error page."""
        with self._opener.open(url, data, timeout=_TIMEOUT_S) as answer:
            self._url, self.page = answer.url, answer.read().decode()

    def press(self, button: str, **typed: str) -> None:
        """Type into the fields of the page's form, then press its button with `button` on it."""
        form = parse_form(self.page)
        assert button in form.buttons, f"no {button!r} on the page, only {list(form.buttons)}"
        assert set(typed) <= set(form.fields), f"no such fields on the page, only {list(form.fields)}"
        name, value = form.buttons[button]
        data = {**form.fields, **typed, **({name: value} if name else {})}
        self.open(urljoin(self._url, form.action), urlencode(data).encode())

    def follow(self, text: str) -> None:
        """Follow the link that says `text`."""
        link = re.search(rf'<a href="([^"]+)">{re.escape(text)}</a>', self.page)
        assert link is not None, f"no {text!r} on the page"
        self.open(urljoin(self._url, html.unescape(link[1])))


def visit(url: str, ca_file: Path) -> str:
    """Open an address; the page on which that ends."""
    browser = Browser(ca_file)
    browser.open(url)
    return browser.page


def allow(url: str, ca_file: Path, *, deny: bool = False) -> str:
    """Log in at oidc-provider in a browser, or do not; the page on which that ends."""
    browser = Browser(ca_file)
    browser.open(url)
    if deny:
        browser.follow("[ Cancel ]")
    else:
        browser.press("Sign-in", login=NAME, password="any will do")
        browser.press("Continue")
    return browser.page


def allow_in_sandbox(url: str, ca_file: Path, *, deny: bool = False) -> str:
    """The same at the sandbox, which asks for no password."""
    browser = Browser(ca_file)
    browser.open(url)
    browser.press("Deny" if deny else "Approve")
    return browser.page


def approve(verification_uri: str, user_code: str, ca_file: Path, *, deny: bool = False) -> None:
    """Log in and approve the device that shows `user_code`, or deny it. AssertionError for an unexpected page."""
    browser = Browser(ca_file)
    browser.open(verification_uri)
    browser.press("Continue", user_code=user_code)
    assert user_code in browser.page  # as the page asks: compare the codes
    if deny:
        browser.press("[ Abort ]")
        assert "was interrupted" in browser.page
        return
    browser.press("Continue")
    browser.press("Sign-in", login=NAME, password="any will do")
    browser.press("Continue")
    assert "was successful" in browser.page
