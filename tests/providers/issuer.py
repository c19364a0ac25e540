"""An OIDC issuer as the agent's conformance tests see it, whichever program it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Approve(Protocol):
    """What a person does at the verification page."""

    def __call__(self, verification_uri: str, user_code: str, ca_file: Path, *, deny: bool = False) -> None:
        """Approve the device that shows `user_code`, or deny it."""
        ...


class Allow(Protocol):
    """What a person does in a browser on the machine of the agent."""

    def __call__(self, url: str, ca_file: Path, *, deny: bool = False) -> str:
        """Approve the login that `url` begins, or deny it; the page on which that ends."""
        ...


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer on loopback with a public client and a confidential one, whose secret is in `client_secret_file`.

    `refused_scope` is one that these clients may not have; `subject` is who logs in.
    """

    name: str
    url: str
    ca_file: Path
    client_id: str
    confidential_client_id: str
    client_secret_file: Path
    refused_scope: str
    subject: str
    approve: Approve
    allow: Allow
