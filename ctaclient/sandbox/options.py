"""How a sandbox behaves: each field is one habit of a real server that can be switched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Life times in seconds; the defaults are a dCache with its shipped settings behind a rotating issuer."""

    # issuer
    access_token_lifetime_s: int = 300
    refresh_grace_s: float = 0  # a spent refresh token still works so long (RFC 9700 4.14.2)
    device_interval_s: int | None = 1  # None: no `interval` in the answer, as INDIGO IAM; 5 s then (RFC 8628 3.2)
    device_code_lifetime_s: float = 600
    require_pkce: bool = False  # as a Keycloak client with PKCE set to S256
    registration: bool = True  # clients may register themselves; False: refused with 403, as Keycloak
    rotate_refresh_tokens: bool = True
    login_lifetime_s: int | None = None  # said as Keycloak does (`refresh_expires_in`), counted from each answer
    not_before_backdate_s: int = 0

    # door and pool
    audience: str | None = None  # demanded of each token; None: any
    redirect_on_read: bool = True
    redirect_on_write: bool = True
    digests: bool = True
    overwrite_enabled: bool = True
    create_parents: bool = True  # False: 409, as Apache
    transfer_lifetime_s: float = 300  # of a one-use id nobody came for
    recall_timeout_s: float = 60  # a GET of a NEARLINE file waits so long for it to come ONLINE
    unauthorized_limit: int | None = None  # so many 401 in 20 s block all for 10 s with 429 (dCache: 3)
