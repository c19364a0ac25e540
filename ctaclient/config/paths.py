"""Where things lie on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctaclient.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "ctaclient"


@dataclass(frozen=True, slots=True)
class Paths:
    """The directories of one user.

    `store`, `config` and `state` may lie in a home that many machines share; `runtime` belongs to this machine alone.
    """

    config: Path
    store: Path
    state: Path
    runtime: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Paths:
        """Below `CTACLIENT_HOME` if that is set, else where the platform keeps such things.

        Raises ConfigError when neither it nor a home directory is known.
        """
        if home := environ.get("CTACLIENT_HOME"):
            base = Path(home).absolute()
            return cls(base / "config", base / "store", base / "state", base / f"run-{os.uname().nodename}")
        import platformdirs

        try:
            config = Path(platformdirs.user_config_dir(_NAME))
            known = config.is_absolute() and Path.home().is_absolute()
        except RuntimeError:  # no HOME, and a user id that the system does not know, as in containers
            known = False
        if not known:
            raise ConfigError("your home directory is not known", hint="export CTACLIENT_HOME=/a/private/directory")
        state = Path(platformdirs.user_state_dir(_NAME))
        return cls(config, Path(platformdirs.user_data_dir(_NAME)) / "store", state, _runtime(environ, state))

    @property
    def config_file(self) -> Path:
        """`config.toml`."""
        return self.config / "config.toml"

    @property
    def agent_log(self) -> Path:
        """What the agent of this machine did."""
        return self.state / f"agent-{os.uname().nodename}.log"

    @property
    def agent_socket(self) -> Path:
        """Where the agent of this machine listens."""
        return self.runtime / "agent.sock"


def _runtime(environ: Mapping[str, str], state: Path) -> Path:
    # Without XDG_RUNTIME_DIR platformdirs names a directory that all users share. Ours lies in the state directory
    # instead, one for each machine, because a home may be shared by many.
    given = environ.get("XDG_RUNTIME_DIR")
    if given and os.path.isabs(given) and os.access(given, os.W_OK) and os.stat(given).st_uid == os.geteuid():
        return Path(given) / _NAME
    return state / f"run-{os.uname().nodename}"
