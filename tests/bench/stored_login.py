"""A home with a living login, as an agent leaves it, without any agent."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import TYPE_CHECKING

from ctaclient._util.redact import fingerprint
from ctaclient.config.paths import Paths
from ctaclient.config.profiles import BUILTIN, DEFAULT_PROFILE
from ctaclient.tokens.record import Record
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken

if TYPE_CHECKING:
    from pathlib import Path

_LIFE_S = 3600.0


def make_login(home: Path) -> TokenStore:
    """Store a token as large as Keycloak's for the built-in profile; the store."""
    now = time.time()
    profile = BUILTIN[DEFAULT_PROFILE]
    claims = {
        "exp": int(now + _LIFE_S),
        "iss": profile.issuer,
        "sub": "0" * 36,
        "scope": "openid offline_access",
        "groups": [f"/observatory/group-{number}" for number in range(20)],
    }
    parts = ({"alg": "RS256", "typ": "JWT", "kid": "0" * 43}, claims)
    token = ".".join([*(_part(json.dumps(each).encode()) for each in parts), _part(bytes(256))])
    record = Record(
        profile=profile.name,
        issuer=str(profile.issuer),
        client_id=str(profile.client_id),
        storage_url=str(profile.storage_url),
        scope="openid offline_access",
        state="fresh",
        token=fingerprint(token),
        issued_at=now,
        expires_at=now + _LIFE_S,
        generation=1,
    )
    store = TokenStore(Paths.of(environ_of(home)).store)
    store.publish(record, AccessToken(token, now + _LIFE_S))
    return store


def environ_of(home: Path) -> dict[str, str]:
    """The environment of a program that acts in `home`."""
    return {"PATH": os.environ.get("PATH", ""), "CTACLIENT_HOME": str(home)}


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
