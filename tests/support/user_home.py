"""The home of a user with logins and no agent, for programs that only read it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ctaclient._util.redact import fingerprint
from ctaclient.config.file import save_profile
from ctaclient.config.paths import Paths
from ctaclient.config.profiles import Profile
from ctaclient.tokens.record import Record
from ctaclient.tokens.store import TokenStore
from ctaclient.tokens.token import AccessToken


class UserHome:
    """A CTACLIENT_HOME with a runtime directory, and what its user's shell has in its environment."""

    def __init__(self, directory: Path) -> None:
        self.runtime = directory / "runtime"
        self.runtime.mkdir(mode=0o700, parents=True)
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "CTACLIENT_HOME": str(directory / "cta"),
            "XDG_RUNTIME_DIR": str(self.runtime),
        }
        self.paths = Paths.of(self.environ)
        self.store = TokenStore(self.paths.store)

    @property
    def well_known(self) -> Path:
        """Where others look for a token."""
        return self.runtime / f"bt_u{os.geteuid()}"

    def log_in(
        self,
        token: str,
        profile: str = "here",
        storage_url: str = "https://here.example:2880",
        *,
        lives_s: float = 600,
        generation: int = 1,
    ) -> Path:
        """A profile with a login as the agent leaves it; its token file."""
        url = {"storage_url": storage_url, "issuer": "https://issuer.invalid", "client_id": "id"}
        save_profile(self.paths.config_file, Profile(profile, **url), make_default=True)
        now = time.time()
        record = Record(
            profile=profile,
            issuer=url["issuer"],
            client_id=url["client_id"],
            storage_url=storage_url,
            scope="openid",
            state="fresh",
            token=fingerprint(token),
            issued_at=now,
            expires_at=now + lives_s,
            generation=generation,
        )
        self.store.publish(record, AccessToken(token, now + lives_s))
        return self.store.token_file(profile)
