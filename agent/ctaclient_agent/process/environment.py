"""What of the caller's environment a process of ours gets that lives on without him."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALLOWED = frozenset(
    {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH"}
    | {name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())}
)
_ALLOWED_PREFIXES = ("LC_", "XDG_", "CTACLIENT_")
# The daemon runs in `/`, so what the caller meant relative to where he stands must be said in full.
_PATHS = frozenset({"HOME", "TMPDIR", "SSL_CERT_FILE", "CTACLIENT_HOME", "CTACLIENT_CA_BUNDLE"})
_PATH_LISTS = frozenset({"SSL_CERT_DIR", "PYTHONPATH"})


def daemon_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of `environ` the daemon gets: no tokens, nothing that it does not need."""
    kept = {name: value for name, value in environ.items() if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)}
    for name in _PATHS & set(kept):
        # Empty means the same as missing.
        kept[name] = kept[name] and os.path.abspath(kept[name])
    for name in _PATH_LISTS & set(kept):
        kept[name] = os.pathsep.join(os.path.abspath(part) for part in kept[name].split(os.pathsep) if part)
    return kept
