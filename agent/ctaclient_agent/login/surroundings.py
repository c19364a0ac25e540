"""Where a command runs that talks to a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctaclient_agent.machines.keypair import Protection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctaclient._util.clock import Clock
    from ctaclient_agent.login.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment, the terminal, the clock. `learn` is told every secret, so that what is shown can hide it."""

    environ: Mapping[str, str]
    terminal: Terminal
    ask_secret: Callable[[str], str | None]
    has_terminal: Callable[[], bool]
    clock: Clock
    learn: Callable[[str], None]
    protection: Protection = field(default_factory=Protection)
    debug: bool = False
