"""How the agent proves to the issuer which client it is (RFC 6749 2.3)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from ctaclient_agent.issuer.discovery import Metadata


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """A client id, and the secret of a confidential client."""

    client_id: str
    secret: str | None = field(default=None, repr=False)

    def apply(self, form: dict[str, str], metadata: Metadata) -> tuple[dict[str, str], dict[str, str]]:
        """`form` with what identifies the client, and the headers that do."""
        # With Basic too: Authlib's device endpoint takes the client from the form alone (RFC 8628 3.1).
        form = {"client_id": self.client_id, **form}
        if self.secret is None:
            return form, {}
        methods = metadata.auth_methods
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            return {**form, "client_secret": self.secret}, {}
        # RFC 6749 2.3.1: both parts are form-encoded first, so that a colon in them does no harm.
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return form, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
