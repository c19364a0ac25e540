"""PKCE (RFC 7636) in the device flow, as Keycloak demands it; oidc-provider itself knows it in the code flow only."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from tests.providers.fault import DEVICE

if TYPE_CHECKING:
    from collections.abc import Mapping


class DevicePkce:
    """Remembers challenges and refuses what does not fit them, with Keycloak's words (KC#9710)."""

    def __init__(self) -> None:
        self._challenges: dict[str, str] = {}

    def objection(self, path: str, form: Mapping[str, str]) -> str | None:
        """The `error_description` for this request, or None when there is nothing to say against it."""
        if path.endswith("/device/auth"):
            if form.get("code_challenge_method") != "S256":
                return "Missing parameter: code_challenge_method"
            return None if form.get("code_challenge") else "Missing parameter: code_challenge"
        if form.get("grant_type") != DEVICE:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        known = self._challenges.get(form.get("device_code", ""))
        return None if known == challenge else "PKCE verification failed"

    def learn(self, path: str, form: Mapping[str, str], body: bytes) -> None:
        """Note the challenge that belongs to a new device code."""
        if path.endswith("/device/auth"):
            self._challenges[json.loads(body)["device_code"]] = form["code_challenge"]
