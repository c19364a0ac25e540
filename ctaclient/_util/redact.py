"""Keeping secrets and control characters out of what people and logs see."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, urlsplit

_HIDDEN = "[hidden]"
# Text, because `ctaclient token` needs none of them: re keeps what it has compiled.
_PATTERNS = (
    # dCache, XRootD and StoRM put capabilities into queries (storage.md 1.4, 6.1); forms and JSON carry the rest.
    (
        r"(?i)(\b(?:dcache-http-uuid|authz|(?!invalid_)\w+_token|client_secret|device_code|code_verifier|xrdhttptk|(?:\w+_)?assertion|"
        r"password)\\*[\"']?\s*(?:[=:]|%3D)\s*\\*[\"']?)(?:Bearer(?:%20|\+|\s)+)?[^\s&\"',;}]+"
    ),
    # RFC 7009: the revoked token is called just `token`, a word that prose may put before a colon.
    r"(?i)(\btoken=)[^\s&\"',;}]+",
    # User and password in a URL, as proxies have them.
    r"(://)[^\s/?#\"']+(?=@)",
    r"(?i)(\b(?:TransferHeader)?Authorization[\"']?\s*[:=]\s*[\"']?)(?:\w+\s+)?[^\s\"',]+",
    r"(?i)(\b(?:Bearer|Basic)(?:\s+|%20|\+))[A-Za-z0-9\-._~+/%]+=*",
    # A JWT wherever it stands: INDIGO IAM repeats the refresh token in its error text (agent.md 0.6).
    r"()eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*",
)


def redact(text: str, *secrets: str | None) -> str:
    """`text` without anything that looks like a credential, and without the given `secrets` wherever they stand."""
    for secret in filter(None, secrets):
        for form in (secret, quote(secret, safe="")):
            text = text.replace(form, _HIDDEN)
    for pattern in _PATTERNS:
        text = re.sub(pattern, rf"\1{_HIDDEN}", text)
    return text


def fingerprint(secret: str) -> str:
    """A short name for a secret, the same everywhere, from which it cannot be found again."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


def safe_url(url: str) -> str:
    """`url` without user, password, query and fragment: what a message may show."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def printable(text: str, *, limit: int = 500) -> str:
    """Foreign text made harmless for a terminal: one line, no control or format characters, not too long."""
    shown = (c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text[:limit])
    return "".join(shown) + ("…" if len(text) > limit else "")
