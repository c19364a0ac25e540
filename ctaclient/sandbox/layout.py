"""Where things lie below the directory of a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = ("issuer", "door", "pool")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths only; who makes what is said where it is made."""

    directory: Path

    @property
    def ca_file(self) -> Path:
        return self.state / "ca.pem"

    @property
    def client_secret(self) -> Path:
        return self.state / "client-secret"

    @property
    def home(self) -> Path:
        return self.state / "home"

    @property
    def storage(self) -> Path:
        return self.directory / "storage"

    @property
    def state(self) -> Path:
        """Everything that serves one run only, and is deleted before the next: a name that nobody else uses."""
        return self.directory / ".sandbox"

    @property
    def transfers(self) -> Path:
        return self.state / "transfers"

    @property
    def locality(self) -> Path:
        return self.state / "locality.json"

    def config(self, server: str) -> Path:
        return self.state / f"{server}.json"

    def certificate(self, server: str) -> Path:
        return self.state / f"{server}.crt"

    def key(self, server: str) -> Path:
        return self.state / f"{server}.key"

    def log(self, server: str) -> Path:
        return self.state / f"{server}.log"

    def records(self, server: str) -> Path:
        return self.state / f"{server}.records"

    def faults(self, server: str) -> Path:
        return self.state / f"{server}.faults"
