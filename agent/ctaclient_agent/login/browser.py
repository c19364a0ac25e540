"""A browser on this machine: whether there is one, and opening it without a shell.

Not the standard library's `webbrowser`: it runs terminal browsers over our own, and `os.popen` on macOS. A shell here
cost oidc-agent a CVSS of 8.8 (agent.md 1): the address is the issuer's text.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from ctaclient.errors import ConfigError
from ctaclient_agent.issuer.discovery import is_https

if TYPE_CHECKING:
    from collections.abc import Mapping

# xdg-open is a shell script, and so are many browsers: should one be careless, an address has no quote, `$`, `;`, `|`,
# space and the like. `&` and `?` mean something to a shell as well, but no query does without them.
_HARMLESS = re.compile(r"https://[A-Za-z0-9._~:/?=&%+,@\[\]-]+")
_MAX_LENGTH = 8192


def require_display(environ: Mapping[str, str]) -> None:
    """Raise ConfigError where no browser can show itself to the user."""
    if sys.platform == "darwin":
        there = "SSH_CONNECTION" not in environ
    else:
        there = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    if not there:
        raise ConfigError(
            "--flow code needs a browser on this machine, and there is no display",
            hint="ctaclient start-agent --flow device",
        )


def open_browser(url: str, environ: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
    """Open `url` and return at once; None when it was not tried. The caller keeps what is returned until the end."""
    program = shutil.which("open" if sys.platform == "darwin" else "xdg-open", path=environ.get("PATH"))
    if program is None or not is_openable(url):
        return None
    try:
        return subprocess.Popen(
            [program, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in environ.items() if not name.startswith("BEARER_TOKEN")},
            cwd="/",
            start_new_session=True,
            umask=0o022,  # ours is stricter, and not meant for what the user downloads there
        )
    except OSError:
        return None


def is_openable(url: str) -> bool:
    """Whether `url` may be handed to a browser: https, not too long, and of few kinds of characters."""
    return is_https(url) and len(url) <= _MAX_LENGTH and _HARMLESS.fullmatch(url) is not None
