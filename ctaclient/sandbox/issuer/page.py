"""The verification page: what a person sees while logging in. Pure text, no scripts; everything foreign is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    # Browsers hold `form-action` against the redirect after the form, too: to a client on this machine.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http://127.0.0.1:*; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STYLE = """
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
body { max-width: 32rem; margin: 10vh auto; padding: 0 1.2rem }
h1 { font-size: 1.4rem }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; letter-spacing: .1em }
button { font: inherit; padding: .6rem 1.4rem; margin: 1rem .6rem 0 0; cursor: pointer }
.code { font-family: ui-monospace, monospace; font-size: 1.3rem; letter-spacing: .1em }
footer { margin-top: 3rem; font-size: .85rem; opacity: .7 }
"""


def ask_for_code(user_code: str = "", *, complaint: str = "") -> str:
    """The form for the code, filled in where the address brought it."""
    message = f'<p role="alert"><strong>{html.escape(complaint)}</strong></p>' if complaint else ""
    return _page(
        "Connect a device",
        f"""{message}<form method="post" action="/device">
<p><label for="user_code">The code that your terminal shows</label></p>
<p><input id="user_code" name="user_code" value="{html.escape(user_code)}" autocomplete="off" spellcheck="false"
 autofocus required></p>
<button type="submit">Continue</button>
</form>""",
    )


def ask_for_consent(user_code: str, client_id: str, scopes: Iterable[str], csrf: str) -> str:
    """Who asks for what, with both answers."""
    return _page(
        "Allow access?",
        f"""<p><strong>{html.escape(client_id)}</strong> asks for access in your name:</p>
<ul>{_items(scopes)}</ul>
<p>Go on only if your terminal shows this code:<br><span class="code">{html.escape(user_code)}</span></p>
<form method="post" action="/device">
<input type="hidden" name="user_code" value="{html.escape(user_code)}">
<input type="hidden" name="csrf" value="{html.escape(csrf)}">
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>""",
    )


def ask_for_login(client_id: str, scopes: Iterable[str], number: str, csrf: str) -> str:
    """The same for a program on this machine, which the browser goes back to."""
    return _page(
        "Allow access?",
        f"""<p><strong>{html.escape(client_id)}</strong> asks for access in your name:</p>
<ul>{_items(scopes)}</ul>
<form method="post" action="/authorize">
<input type="hidden" name="request" value="{html.escape(number)}">
<input type="hidden" name="csrf" value="{html.escape(csrf)}">
<button type="submit" name="decision" value="approve">Approve</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>""",
    )


def complain(text: str) -> str:
    """What went wrong, where there is nobody to send the browser back to."""
    return _page("That cannot be", f'<p role="alert">{html.escape(text)}</p>')


def show_result(*, approved: bool) -> str:
    """The last page."""
    if approved:
        return _page("Approved", "<p>You are logged in. Go back to your terminal; this page can be closed.</p>")
    return _page("Denied", "<p>Nothing was granted. This page can be closed.</p>")


def _items(scopes: Iterable[str]) -> str:
    return (
        "".join(f"<li><code>{html.escape(scope)}</code></li>" for scope in scopes) or "<li>nothing in particular</li>"
    )


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title><style>{_STYLE}</style></head>
<body><main><h1>{html.escape(title)}</h1>
{content}
</main><footer>ctaclient sandbox: a make-believe login on your own machine. There is no password.</footer></body>
</html>
"""
