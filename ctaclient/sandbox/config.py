"""What a server process is told, as a private file: secrets stand in no argument and no environment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ctaclient._util.private import read_private, write_private
from ctaclient.sandbox.options import Options


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client the issuer knows; `secret` None: public (RFC 6749 2.1). Redirects go to any port of these."""

    id: str
    secret: str | None = field(default=None, repr=False)
    device_flow: bool = True
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1/callback",)


@dataclass(frozen=True, slots=True)
class Config:
    """The same for the three servers, but that only the issuer gets the signing key and the clients."""

    directory: Path
    urls: dict[str, str]  # of issuer, door and pool
    options: Options
    jwks: dict[str, Any]
    signing_key: dict[str, Any] | None = field(default=None, repr=False)
    clients: tuple[Client, ...] = ()

    def save(self, path: Path) -> None:
        """Write it for one server, mode 0600."""
        document = asdict(self)
        document["directory"] = str(self.directory)
        write_private(path, json.dumps(document).encode())

    @classmethod
    def load(cls, path: Path) -> Config:
        """Raises UnsafePath if somebody else could have written it."""
        document = json.loads(read_private(path))
        document["directory"] = Path(document["directory"])
        document["options"] = Options(**document["options"])
        document["clients"] = tuple(Client(**client) for client in document["clients"])
        return cls(**document)
